"""A restore killed at every point that matters: the same command goes on to what was saved, no neighbour notices, nothing is left."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from psycopg import sql

from tenantry.clients import aws
from tenantry.control import restores, runs
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import backup
from tenantry.operations.restore import ending
from tenantry.postgres.server import Server
from tenantry.stores.tenant_store import TenantStore
from tests.killing import done, killed_at
from tests.service.backup.conftest import Platform, logged_in, started
from tests.volume import volume
from tests.waiting import wait_for

pytestmark = pytest.mark.service

MODELS = ("rls", "schema", "database")
RESTORE, READING, CHECKSUMS = "tenantry.operations.restore", "tenantry.operations.backup.reading", "tenantry.postgres.checksums"
STAGING, SWAP, ROWS = (f"{RESTORE}.{name}" for name in ("staging", "swap", "registry_rows"))
DOORS, LEDGER = "tenantry.stores.doors", "tenantry.control.restores"
OBJECTS, PROOF = "tenantry.clients.objects", "tenantry.operations.backup.proof"

# In the order in which one run comes to them; the models that a point is in.
POINTS = (
    (f"after {PROOF}:make_database", ("schema", "database")),
    (f"after {READING}:make_tables", ("rls",)),
    (f"after {READING}:fill", MODELS),
    (f"after {STAGING}:_carry_schema", ("schema",)),
    (f"after {STAGING}:build", MODELS),
    (f"after {LEDGER}:begin", MODELS),
    (f"before {DOORS}:_policies", ("rls",)),  # the registry says that the doors are shut, and they are not
    ("before tenantry.postgres.logins:end_sessions", ("schema", "database")),
    (f"after {DOORS}:shut", MODELS),
    (f"after {LEDGER}:remember", ("schema", "database")),
    (f"before {SWAP}:_require_same", ("rls",)),  # all rows are exchanged, and nothing is committed
    (f"before {SWAP}:_shut_out", ("schema", "database")),
    (f"after {SWAP}:swap", MODELS),
    (f"after {ROWS}:put", MODELS),
    (f"after {OBJECTS}:Upload._put", MODELS),  # an upload in parts is under way
    (f"after {CHECKSUMS}:differences", MODELS),
    (f"after {DOORS}:reopen", MODELS),
    (f"after {LEDGER}:keep", MODELS),
)
BACK = ((f"after {SWAP}:stage_kept", MODELS), (f"after {SWAP}:swap", MODELS), (f"before {LEDGER}:end", MODELS))
CONFIRM = ((f"before {SWAP}:drop_kept", MODELS), (f"after {SWAP}:drop_kept", MODELS))


def at(points, model):
    return [point for point, models in points if model in models]


def points_of(model):
    """Where a restore is killed. What all three models have in common is met in two of them, in `make test-volume` in all."""
    left_out = [point for point, models in POINTS if models == MODELS and not point.endswith(f"{SWAP}:swap")] if model == "schema" else []
    return [point for point in at(POINTS, model) if point not in volume(left_out, [])]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with started(stay=True) as (made, _):
        yield made


@pytest.fixture(scope="module")
def neighbours(platform):
    """Tenants in every model, and what is to stay of them."""
    stores = [platform.tenant(f"stay-{model}", model) for model in MODELS]
    return {store.slug: (store, platform.image(store)) for store in stores}


@pytest.fixture
def tenant(platform, neighbours, request):
    """A tenant with a backup and with damage since: its store, what was saved, what is there now."""
    model = request.node.callspec.params["model"]
    store = platform.tenant(f"{request.node.originalname.split('_')[1]}-{model}", model)
    s3 = aws.client("s3")
    s3.put_object(Bucket=store.bucket, Key=f"{store.prefix}files/large", Body=os.urandom(9 << 20))  # two parts
    backup.create(store.slug)
    saved = platform.image(store)
    with store.acting(store.owner) as connection:
        connection.execute("DELETE FROM documents WHERE title < 'T 2'")
        connection.execute("UPDATE documents SET body = 'gone' WHERE title = 'T 2'")
    platform.write(store, 3, "too much ")
    s3.put_object(Bucket=store.bucket, Key=f"{store.prefix}files/large", Body=b"overwritten")
    s3.put_object(Bucket=store.bucket, Key=f"{store.prefix}files/new.txt", Body=b"too much", ContentType="text/plain")
    with transaction() as connection:
        connection.execute("INSERT INTO users (tenant_id, email, name, role) VALUES (%s, 'late@x.example', 'Late', 'member')", [store.id])
    return store, saved, platform.image(store)


def kill(platform, neighbours, point, *command):
    assert killed_at(platform, point, 1, *command), f"not killed {point}"
    for store, image in neighbours.values():
        assert platform.image(store) == image, f"{store.slug} {point}"
        assert gets_in(store), f"{store.slug} {point}"


def gets_in(store: TenantStore) -> bool:
    """Whether the application gets in with the role's own password and sees its users."""
    connection = logged_in(store)
    if connection is None:
        return False
    with connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(store.id)])
        return connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(store.schema, "users"))).fetchone()[0] > 0


def rights_in_kept(store: TenantStore) -> list[str]:
    """What the application may still enter of that which was replaced."""
    with Server.from_environment().connect(store.database) as connection:
        names = connection.execute(
            """
            SELECT datname FROM pg_database WHERE datname LIKE '%%\\_\\_kept' AND has_database_privilege(%(role)s, oid, 'CONNECT')
            UNION ALL
            SELECT nspname FROM pg_namespace WHERE nspname LIKE '%%\\_\\_kept' AND has_schema_privilege(%(role)s, oid, 'USAGE')
            """,
            {"role": store.app_role},
        )
        return [name for (name,) in names]


def scars(platform, *, kept=False):
    """What a restore must not leave; ``kept``: but for what waits to be confirmed."""
    with Server.from_environment().connect("cell_main") as connection:
        schemas = {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace")}
        policies = [name for (name,) in connection.execute("SELECT policyname FROM pg_policies WHERE policyname LIKE 'closed%'")]
    names = platform.databases() | schemas
    ends = ("__restore",) if kept else ("__restore", "__kept")
    with transaction() as connection:
        shut = [row["slug"] for row in connection.execute("SELECT slug FROM tenants WHERE maintenance IS NOT NULL")]
    return [name for name in names if name.endswith(ends) or "scratch" in name] + policies + shut + platform.uploads()


def late_user(store):
    with transaction() as connection:
        return connection.execute("SELECT count(*) AS n FROM users WHERE tenant_id = %s AND name = 'Late'", [store.id]).fetchone()["n"]


@pytest.mark.volume
@pytest.mark.parametrize("model", MODELS)
def test_restore_killed_at_every_point(platform, neighbours, tenant, model):
    """One run, killed at each point in turn: the same command goes on, the last ends it; the way to confirm it is killed too."""
    store, saved, damaged = tenant
    command = ("restore", store.slug, "--from", "newest")
    for point in points_of(model):
        kill(platform, neighbours, point, *command)
        found = restores.open_of(store.id)
        if found is None:
            assert (platform.image(store), gets_in(store)) == (damaged, True), point
        elif found.swapped_at:
            assert rights_in_kept(store) == [], point
    with pytest.raises(InputError, match="is not finished"):
        ending.confirm(store.slug)
    done(platform, *command)
    assert platform.image(store) == saved
    assert gets_in(store)
    assert late_user(store) == 0
    assert rights_in_kept(store) == []
    assert [row["state"] for row in runs.latest(tenant_id=store.id, kind="restore")] == ["done"]
    assert scars(platform, kept=True) == []
    for point in at(CONFIRM, model):
        kill(platform, neighbours, point, "restore", "confirm", store.slug)
    done(platform, "restore", "confirm", store.slug)
    assert platform.image(store) == saved
    assert gets_in(store)
    assert restores.open_of(store.id) is None
    assert scars(platform) == []
    wait_for(lambda: platform.sessions() == [], seconds=30)


@pytest.mark.parametrize("model", MODELS)
def test_rollback_killed_at_every_point(platform, neighbours, tenant, model):
    """A restore that is killed once its tables were swapped is taken back, and so is the taking back: as before, and a restore works."""
    store, saved, damaged = tenant
    assert killed_at(platform, f"after {LEDGER}:swapped", 1, "restore", store.slug, "--from", "newest")
    for point in at(BACK, model):
        kill(platform, neighbours, point, "restore", "rollback", store.slug)
    done(platform, "restore", "rollback", store.slug)
    assert platform.image(store) == damaged
    assert gets_in(store)
    assert late_user(store) == 1
    assert restores.open_of(store.id) is None
    assert scars(platform) == []
    done(platform, "restore", store.slug, "--from", "newest")
    assert platform.image(store) == saved
    done(platform, "restore", "confirm", store.slug)
    assert scars(platform) == []
