"""A restore as a new tenant, or on a server of the tenant's own, killed at every point that matters: the same command goes on."""

from __future__ import annotations

import json

import pytest

from tenantry import naming
from tenantry.stores.tenant_store import TenantStore
from tests.engine.offboarding import checksums
from tests.engine.provisioning import control, runs_of
from tests.environment import entered
from tests.killing import done, killed_at

pytestmark = pytest.mark.engine

MODELS = ("rls", "database", "instance")
GENERATOR, ENGINE, STEPS = "tenantry.declaration.generator", "tenantry.operations.engine_step", "tenantry.work.step"
STAGING, SWAP, ROWS = (f"tenantry.operations.restore.{name}" for name in ("staging", "swap", "registry_rows"))
DOORS, LEDGER = "tenantry.stores.doors", "tenantry.control.restores"
PROOF = "tenantry.operations.backup.proof"

# In the order in which one run comes to them.
TENANT = (
    f"before {GENERATOR}:create",
    f"after {GENERATOR}:create",
    f"after {STEPS}:Log.begin",  # the engine is at work
    f"after {ENGINE}:apply_in_parts",
)
DATA = (
    f"after {STAGING}:build",
    f"after {LEDGER}:begin",
    f"after {DOORS}:shut",
    f"after {SWAP}:swap",
    f"after {ROWS}:put",
    f"after {DOORS}:reopen",
)


@pytest.fixture(scope="module")
def platform(sandbox):
    """A tenant in each of three models, each with a backup."""
    for model in MODELS:
        sandbox.declare(f"of-{model}", isolation=model)
    sandbox.up()
    for model in MODELS:
        slug = f"of-{model}"
        with sandbox.as_tenant(slug) as connection:
            (user,) = connection.execute(
                "INSERT INTO users (tenant_id, email, name) VALUES (%s, 'u@x.example', 'U') RETURNING id", [naming.tenant_id(slug)]
            ).fetchone()
            connection.execute(
                "INSERT INTO documents (tenant_id, author_id, title) SELECT %s, %s, 'saved ' || g FROM generate_series(1, 20) g",
                [naming.tenant_id(slug), user],
            )
    sandbox.tenantry("backup", "--all")
    with entered(sandbox.environment):
        yield sandbox


def titles(sandbox, slug):
    with sandbox.as_tenant(slug) as connection:
        return sorted(title for (title,) in connection.execute("SELECT title FROM documents"))


SAVED = sorted(f"saved {number}" for number in range(1, 21))


@pytest.mark.parametrize(("model", "points"), [("rls", (*TENANT, *DATA)), ("database", (TENANT[2], DATA[0], DATA[3]))])
def test_a_new_tenant_from_a_backup_killed_at_every_point(platform, model, points):
    """`restore --as`: one file, one tenant, one run of each kind, the saved rows under the new tenant's own id; nobody is invited."""
    source, slug = f"of-{model}", f"new-{model}"
    others = [f"of-{each}" for each in MODELS]
    before = checksums(platform, others)
    command = ("restore", source, "--from", "newest", "--as", slug)
    for point in points:
        assert killed_at(platform, point, 1, *command), f"not killed {point}"
    done(platform, *command)
    assert titles(platform, slug) == SAVED
    assert [(run["kind"], run["state"]) for run in runs_of(platform, slug)] == [("provision", "done"), ("restore", "done")]
    store = TenantStore.of(slug)
    assert (store.state, store.isolation) == ("active", model)
    with control(platform) as registry:
        assert registry.execute("SELECT maintenance FROM tenants WHERE slug = %s", [slug]).fetchall() == [{"maintenance": None}]
        assert registry.execute("SELECT count(*) AS n FROM outbox WHERE tenant_id = %s", [store.id]).fetchone() == {"n": 0}
    with platform.sql(naming.cell_database("main")) as admin:
        left = admin.execute(
            r"SELECT datname FROM pg_database WHERE datname ~ '(__kept|__restore|scratch)' UNION ALL"
            r" SELECT nspname FROM pg_namespace WHERE nspname ~ '(__kept|__restore)'"
        ).fetchall()
    assert left == []
    again = platform.tenantry(*command, check=False)
    assert (again.returncode, f"{slug} has data already" in again.stderr) == (2, True)
    changes = platform.up("--all", "--refresh")
    assert not any(changes.values()), changes
    assert checksums(platform, others) == before


def test_a_tenant_with_a_server_of_its_own_killed_at_every_point(platform):
    """In place, on the tenant's own server: as saved for the application with its own credentials, and then confirmed."""
    with platform.as_tenant("of-instance") as connection:
        connection.execute("DELETE FROM documents WHERE title < 'saved 3'")
    before = checksums(platform, ["of-rls", "of-database"])
    command = ("restore", "of-instance", "--from", "newest")
    for point in (f"after {PROOF}:make_database", *DATA):
        assert killed_at(platform, point, 1, *command), f"not killed {point}"
    done(platform, *command)
    assert titles(platform, "of-instance") == SAVED
    platform.tenantry("restore", "confirm", "of-instance")
    with TenantStore.of("of-instance").administrator().connect() as connection:
        assert connection.execute("SELECT datname FROM pg_database WHERE datname ~ '(__kept|__restore|scratch)'").fetchall() == []
    assert titles(platform, "of-instance") == SAVED
    assert [(run["kind"], run["state"]) for run in json.loads(platform.tenantry("log", "of-instance", "--json").stdout)] == [
        ("restore", "done"), ("backup", "done"),
    ]  # fmt: skip
    assert checksums(platform, ["of-rls", "of-database"]) == before
