"""A clone killed at every point that matters: the same command goes on, and there is one clone with nothing of its source in it."""

from __future__ import annotations

import json

import pytest

from tenantry.stores.tenant_store import TenantStore
from tests.engine import cloning
from tests.engine.offboarding import checksums
from tests.engine.provisioning import control, runs_of
from tests.engine.test_killed_runs import check_nothing_is_double_or_left
from tests.environment import entered
from tests.killing import done, killed_at

pytestmark = pytest.mark.engine

BUCKET = "tenantry-dev-main"
CLONE, CLONES, ENGINE, STEPS = (
    "tenantry.operations.clone",
    "tenantry.control.clones",
    "tenantry.operations.engine_step",
    "tenantry.work.step",
)

# In the order in which one run comes to them.
POINTS = (
    (f"before {CLONE}.declare:write", 1),
    (f"after {CLONE}.declare:write", 1),
    (f"after {STEPS}:Run.tell", 1),  # the engine is at work
    (f"after {ENGINE}:apply", 1),
    (f"after {CLONES}:begin", 1),
    (f"after {CLONE}.fill:_pump", 2),  # rows are there, and nothing is committed
    (f"after {CLONE}.fill:fill", 1),
    (f"after {STEPS}:Run.tell", 1),  # the first of two objects is there
    (f"after {CLONE}.objects:copy", 1),
    (f"before {CLONES}:ready", 1),
    (f"after {CLONES}:ready", 1),
)


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.declare("source", domains=["www.source.example"])
    sandbox.declare("stay", isolation="schema")
    sandbox.up()
    with entered(sandbox.environment):
        yield sandbox


@pytest.fixture(scope="module")
def canaries(platform):
    """The source's rows and objects are full of them."""
    texts = [cloning.canary(number) for number in range(120)]
    numbers = iter(texts)
    with TenantStore.of("source").acting("cell_main__app") as connection:
        for _ in range(20):
            (user,) = connection.execute(
                "INSERT INTO users (tenant_id, email, name) VALUES (current_setting('app.tenant_id')::uuid, %s, %s) RETURNING id",
                [f"{next(numbers)}@x.example", next(numbers)],
            ).fetchone()
            connection.execute(
                "INSERT INTO documents (tenant_id, author_id, title, body) VALUES (current_setting('app.tenant_id')::uuid, %s, %s, %s)",
                [user, next(numbers), next(numbers)],
            )
    for key, body in (("public/a.html", "a"), ("public/b.html", "b"), ("private/c.txt", next(numbers))):
        platform.s3().put_object(Bucket=BUCKET, Key=f"tenants/source/{key}", Body=body.encode(), Metadata={"by": next(numbers)})
    return [form for text in texts for form in cloning.forms(text)]


@pytest.mark.parametrize(("isolation", "points"), [("schema", POINTS), ("database", (*POINTS[2:4], POINTS[5]))])
def test_killed_at_every_point(platform, canaries, tmp_path, isolation, points):
    """One run, killed at one point after the other, the engine's run among them; the last start ends it."""
    before = checksums(platform, ["source", "stay"])
    slug = f"copy-{isolation}"
    command = (
        "clone", "source", "--as", slug, "--isolation", isolation, "--classification", str(classified(tmp_path)),
    )  # fmt: skip
    for point, call in points:
        assert killed_at(platform, point, call, *command), f"not killed {point}"
        listed = [entry["state"] for entry in clones(platform) if entry["slug"] == slug]
        assert listed in ([], ["filling"]) or point.endswith("ready"), point
    done(platform, *command)
    (run,) = runs_of(platform, slug)
    assert run["state"] == "done"
    store = TenantStore.of(slug)
    (listed,) = [entry for entry in clones(platform) if entry["slug"] == slug]
    assert (listed["state"], listed["source"], listed["rows_copied"], listed["objects_copied"]) == ("ready", "source", 40, 2)
    assert [len(cloning.rows(store, table)) for table in ("users", "documents")] == [20, 20]
    assert cloning.violations(store) == 0
    assert cloning.found(canaries, cloning.dump(store)) == []
    objects = platform.s3().list_objects_v2(Bucket=BUCKET, Prefix=store.prefix)["Contents"]
    public = sorted(
        entry["Key"].removeprefix(store.prefix) for entry in objects if "/public/" in entry["Key"] or "/private/" in entry["Key"]
    )
    assert public == ["public/a.html", "public/b.html"]
    with control(platform) as registry:
        assert registry.execute("SELECT count(*) AS n FROM tenants WHERE slug = %s", [slug]).fetchone() == {"n": 1}
        assert registry.execute("SELECT count(*) AS n FROM outbox WHERE tenant_id = %s", [store.id]).fetchone() == {"n": 0}
    stacks = ["shared", *(path.stem for path in platform.tenants.glob("copy-database.yaml"))]
    check_nothing_is_double_or_left(platform, stacks)
    assert platform.up() == {stack: {} for stack in stacks}
    assert checksums(platform, ["source", "stay"]) == before


def classified(folder):
    """A classification of the standard tables, which lets public objects across."""
    file = folder / "classification.yaml"
    file.write_text(
        "tenant:\n"
        "  users: {id: hash, email: fake email, name: fake name, created_at: shift}\n"
        "  user_settings: {user_id: hash, setting_key: keep, setting_value: {scramble: {keys: [theme], keep: []}}}\n"
        "  documents: {id: hash, author_id: hash, title: scramble, body: scramble, updated_at: shift}\n"
        "control: {}\nobjects: [public/]\n",
        encoding="utf-8",
    )
    return file


def clones(platform):
    return json.loads(platform.tenantry("clone", "list", "--json").stdout)
