"""`tenantry clone`, as a user calls it: what crosses, what is refused, what a kill leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tenantry.stores.tenant_store import TenantStore
from tests.engine import cloning
from tests.engine.provisioning import control, runs_of
from tests.environment import entered
from tests.killing import killed_at

pytestmark = pytest.mark.engine

BUCKET = "tenantry-dev-main"
NUMBERS = range(20_000, 20_030)
"""Canaries in the source's file and objects."""


@pytest.fixture(scope="module")
def platform(sandbox):
    texts = [cloning.canary(number) for number in NUMBERS]
    sandbox.declare(
        "acme",
        name=f"{texts[0]} GmbH",
        admin={"name": texts[1], "email": f"{texts[2]}@acme.example"},
        domains=[f"{texts[3]}.acme.example"],
        branding={"app_name": texts[4]},
        theme={"primary": "#123456", "css": f".{texts[5]} {{ color: #000000 }}"},
        email_templates={"welcome": {"subject": texts[6], "body": texts[7]}},
        legal={"terms": f"https://acme.example/{texts[8]}", "privacy": f"https://acme.example/{texts[9]}"},
        labels={"account-manager": texts[10]},
        features={"reports": True, "webhooks": True, "sso": True},
        limits={"users": 77},
    )
    sandbox.declare("plain", isolation="schema")
    sandbox.up()
    with entered(sandbox.environment):
        yield sandbox


@pytest.fixture(scope="module")
def checked(platform):
    """What `clone check` says of the project's own file, before a test adds tables."""
    return platform.tenantry("clone", "check", check=False)


@pytest.fixture(scope="module")
def canaries(platform, checked):
    acme = TenantStore.of("acme")
    cloning.make_tables(acme)
    planted = cloning.fill(acme)
    s3 = platform.s3()
    numbers = iter(NUMBERS[11:])
    for key in ("private/report.txt", "public/page.html", "branding/own.css"):
        body = "welcome" if key.startswith("public/") else cloning.canary(next(numbers))
        s3.put_object(
            Bucket=BUCKET,
            Key=f"tenants/acme/{key}",
            Body=body.encode(),
            ContentType="text/html",
            Metadata={"author": cloning.canary(next(numbers))},
            Tagging=f"who={cloning.canary(next(numbers))}",
        )
    return planted + [form for number in NUMBERS for form in cloning.forms(cloning.canary(number))]


@pytest.fixture
def file(tmp_path):
    return str(cloning.classification(tmp_path, ""))


def test_the_projects_file_classifies_every_table(checked):
    """`tenantry clone check` on the tables as they are migrated: this is what CI asks."""
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_clone_holds_nothing_of_its_source_but_what_may_cross(platform, canaries, file):
    """Rows, registry, file, objects and their metadata hold none of the canaries; banner, label and credentials are the clone's own."""
    platform.tenantry("clone", "acme", "--as", "acme-staging", "--classification", file)

    store = TenantStore.of("acme-staging")
    assert cloning.found(canaries, cloning.dump(store)) == []
    assert cloning.violations(store) == 0
    assert len(cloning.rows(store, "people")) == cloning.ROWS
    text = (platform.tenants / "acme-staging.yaml").read_text()
    assert cloning.found(canaries, text.encode()) == []
    with control(platform) as registry:
        for table, column in (
            *(
                (name, "tenant_id")
                for name in ("tenant_configurations", "tenant_domains", "users", "invitations", "outbox", "runs", "clones")
            ),
            ("tenants", "id"),
        ):
            rows = registry.execute(f"SELECT * FROM {table} WHERE {column} = %s", [store.id]).fetchall()
            assert cloning.found(canaries, repr(rows).encode()) == [], table
        assert registry.execute("SELECT count(*) AS n FROM outbox WHERE tenant_id = %s", [store.id]).fetchone() == {"n": 0}
        assert registry.execute("SELECT host, kind FROM tenant_domains WHERE tenant_id = %s", [store.id]).fetchall() == [
            {"host": "acme-staging.tenantry.example", "kind": "subdomain"}
        ]
        (invitation,) = registry.execute("SELECT email, token_hash FROM invitations WHERE tenant_id = %s", [store.id]).fetchall()
        assert invitation == {"email": "admin@acme-staging.example", "token_hash": None}

    declared = yaml.safe_load(text)
    assert declared["labels"] == {"clone-of": "acme"}
    assert declared["theme"]["primary"] == "#123456"
    assert (declared["features"]["reports"], declared["features"]["sso"], declared["features"]["webhooks"]) == (True, False, False)
    assert declared["limits"]["users"] == 77
    assert not declared.keys() & {"domains", "legal", "email_templates"}

    s3 = platform.s3()
    objects = {entry["Key"]: s3.get_object(Bucket=BUCKET, Key=entry["Key"]) for entry in _objects(s3, store.prefix)}
    assert set(objects) == {f"{store.prefix}{name}" for name in ("branding/manifest.json", "branding/theme.css", "public/page.html")}
    bodies = {key: entry["Body"].read() for key, entry in objects.items()}
    assert "Clone of acme: anonymised data, no mail is sent" in bodies[f"{store.prefix}branding/theme.css"].decode()
    assert objects[f"{store.prefix}public/page.html"]["ContentType"] == "text/html"
    for key, entry in objects.items():
        tags = s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
        assert cloning.found(canaries, repr((key, bodies[key], entry["Metadata"], tags)).encode()) == []

    (listed,) = json.loads(platform.tenantry("clone", "list", "--json").stdout)
    assert (listed["slug"], listed["source"], listed["state"], listed["objects_copied"]) == ("acme-staging", "acme", "ready", 1)
    assert listed["rows_copied"] == 250


def test_an_erased_source_leaves_its_clones(platform, canaries, file):
    """What a clone was made from is forgotten with it, and does not stand in the way of erasing it."""
    platform.tenantry("clone", "plain", "--as", "plain-test", "--classification", _plain(platform))
    with control(platform) as registry, registry.transaction(force_rollback=True):
        registry.execute(
            'INSERT INTO tenants SELECT (t).* FROM (SELECT jsonb_populate_record(t, \'{"slug": "gone",'
            ' "id": "00000000-0000-4000-8000-000000000001"}\') AS t FROM tenants t WHERE slug = \'plain\') x'
        )
        registry.execute("UPDATE clones SET source_id = '00000000-0000-4000-8000-000000000001' WHERE state = 'ready'")
        registry.execute("DELETE FROM tenants WHERE slug = 'gone'")
        assert registry.execute("SELECT DISTINCT source_id FROM clones").fetchall() == [{"source_id": None}]


def _objects(s3, prefix: str) -> list[dict]:
    return s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])


def test_a_clone_of_another_model_has_credentials_of_its_own(platform, canaries):
    """From a schema into a database; the source's credentials do not open it."""
    platform.tenantry("clone", "plain", "--as", "plain-copy", "--isolation", "database", "--classification", _plain(platform))
    source, into = TenantStore.of("plain"), TenantStore.of("plain-copy")
    assert (into.isolation, into.database) == ("database", "t_plain_copy")
    assert into.app_role != source.app_role
    passwords = platform.outputs("shared")["passwords"]["plain"], platform.outputs("plain-copy")["password"]
    assert passwords[0] != passwords[1]
    with platform.as_tenant("plain-copy") as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def _plain(platform) -> str:
    file = Path(platform.root) / "plain.yaml"
    file.write_text((Path(__file__).parents[2] / "migrations" / "classification.yaml").read_text())
    return str(file)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("acmee", "--as", "fresh"), "no tenant acmee"),
        (("acme", "--as", "plain"), "the tenant plain exists already"),
        (("acme", "--as", "acme"), "acme cannot be a clone of itself"),
        (("acme", "--as", "Not A Slug"), "'Not A Slug' is not a tenant's slug"),
        (("acme", "--as", "www"), "the slug 'www' is reserved"),
        (("acme", "--as", "fresh", "--isolation", "table"), "there is no isolation 'table'"),
        (("acme", "--as", "fresh", "--admin", "nobody"), "'nobody' is not an e-mail address"),
        (("acme", "--as", "fresh"), "the table letters is not classified"),
        (("acme", "--as", "acme-staging"), "the clone acme-staging exists already"),
    ],
)
def test_wrong_input_is_refused_and_nothing_touched(platform, canaries, arguments, says, file):
    """Exit 2, one line what, one line what to do; no file, no run, no row."""
    if "acme-staging" in arguments and not (platform.tenants / "acme-staging.yaml").exists():
        platform.tenantry("clone", "acme", "--as", "acme-staging", "--classification", file)
    before = _state(platform)
    if "classified" not in says:
        arguments = (*arguments, "--classification", file)
    done = platform.tenantry("clone", *arguments, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
    assert _state(platform) == before


def _state(platform) -> tuple:
    with control(platform) as registry:
        counts = [registry.execute(f"SELECT count(*) AS n FROM {table}").fetchone()["n"] for table in ("tenants", "runs", "clones")]
    return sorted(path.name for path in platform.tenants.glob("*.yaml")), counts


def test_a_new_column_blocks_the_clone_until_somebody_classifies_it(platform, canaries, file):
    """It is named, by `clone` and by `clone check`."""
    acme = TenantStore.of("acme")
    with acme.acting(acme.owner) as connection:
        connection.execute("ALTER TABLE people ADD COLUMN salary integer")
    try:
        before = _state(platform)
        done = platform.tenantry("clone", "acme", "--as", "fresh", "--classification", file, check=False)
        assert done.returncode == 2
        assert "the column people.salary is not classified" in done.stderr
        assert _state(platform) == before
        done = platform.tenantry("clone", "check", "--classification", file, check=False)
        assert done.returncode == 2
        assert "the column people.salary is not classified" in done.stdout
        assert "the registry's table invitations is not classified" in done.stdout
    finally:
        with acme.acting(acme.owner) as connection:
            connection.execute("ALTER TABLE people DROP COLUMN salary")


def test_a_killed_clone_goes_on(platform, canaries, file):
    """Killed as each of its steps begins, and run again each time, it ends as one that nobody killed: by the same salt, row for row."""
    command = ("clone", "acme", "--as", "acme-killed", "--salt", "s", "--isolation", "schema", "--classification", _without_people(file))
    kills = 0
    # The first step that begins is the one that was killed, the second the next one.
    while killed_at(platform, "after tenantry.control.runs_at_work:begin_step", 2, *command):
        kills += 1
    (run,) = runs_of(platform, "acme-killed")
    assert run["state"] == "done"
    assert kills == len(run["steps"]) - 1
    assert [step["attempts"] for step in run["steps"]] == [1, *(kills * [2])]

    platform.tenantry("clone", "acme", "--as", "acme-whole", "--salt", "s", "--classification", file)
    killed, whole = TenantStore.of("acme-killed"), TenantStore.of("acme-whole")
    for table in ("users", "user_settings", "documents"):
        assert cloning.rows(killed, table) == cloning.rows(whole, table)
    assert cloning.violations(killed) == 0


def _without_people(file: str) -> str:
    """A new schema has the migrations' tables only: the others' rows stay behind."""
    content = yaml.safe_load(Path(file).read_text())
    content["tenant"].update(dict.fromkeys(("people", "letters"), "drop"))
    Path(file).with_name("migrated.yaml").write_text(yaml.safe_dump(content))
    return str(Path(file).with_name("migrated.yaml"))
