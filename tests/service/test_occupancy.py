"""Which works may meet on a tenant: every pair, with what is under way in a real control database."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import occupancy, runs, works
from tenantry.control.database import transaction
from tenantry.control.occupancy import MATRIX
from tenantry.control.works import ASKED, FOUND, RUNS, Kind
from tenantry.errors import InputError, TransientError
from tenantry.operations import catalogue
from tenantry.postgres.server import Server
from tenantry.work import queue
from tests.environment import entered
from tests.service import control_database
from tests.waiting import wait_for

pytestmark = pytest.mark.service

SLUG = "revolving-door"
TENANT = naming.tenant_id(SLUG)
RUN = "5e0f6f7e-0000-4000-8000-000000000001"
"""Of what is in force, the run that began it."""

# What is asked for, and below each letter what is under way. R: refused, w: waits, .: allowed.
COLUMNS = (
    "APPLY", "BACKUP", "CLONE", "CONFIG_BULK", "CONFIG_UNDO", "DELETE", "MIGRATE", "MOVE", "MOVE_FINISH", "MOVE_ROLLBACK", "OFFBOARD",
    "PREVIEW", "PROVISION", "REACTIVATE", "RESTORE", "RESTORE_ROLLBACK", "ROTATE", "SUSPEND", "UNDELETE", "OTHER", "TASK",
    "COPYING", "MOVED", "MOVING_OBJECTS", "REPLACING", "HALTED", "KEPT", "SHUT", "RELEASED",
)  # fmt: skip
#                     runs                                    | moves | restores, doors, deletion
TABLE = """
    APPLY             . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    BACKUP            . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    CLONE             . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    CONFIG_BULK       . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    CONFIG_UNDO       . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    DELETE            . . . . . . . R . . . . . . R . . . . . . R R R R R R . .
    MIGRATE           . . . . . . . . . . . . . . . . . . . . . w w . w . . w .
    MOVE              R R R R R R . R R R R . R R R R R R R R . R R R R R R . R
    MOVE_FINISH       . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    MOVE_ROLLBACK     . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    OFFBOARD          . . . . . . . R . . . . . . R . . . . . . R R R R R R . R
    PREVIEW           . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    PROVISION         . . . . . . . . . . . . . . . . . . . . . . . . . . . . .
    REACTIVATE        . . . . . . . . . . . . . . . . . . . . . . . . R R . . R
    RESTORE           . . . . . R . R . . . . . . R . . . . . . R R R R R R . R
    RESTORE_ROLLBACK  . . . . . . . . . . . . . . . . . . . . . R R R . . . . R
    ROTATE            . . . . . R . . . . . . . . . . . . . . . . . . . . . . R
    SUSPEND           . . . . . . . . . . . . . . . . . . . . . . . . . . . . R
    UNDELETE          . . . . . . . . . . . . . . . . . . . . . . . . R R . . R
    TASK              w w w w w w . w w w w . w w w w w w w w . . . . . . . . .
    MOVE_BEGINS       . . . . . R w . . . R . . . R . . . R . . R R R R R R . R
    RESTORE_BEGINS    . . . . . R w . . . . . . . . . . . . . . R R R R R R . R
    MIGRATE_SHARED    . . . . . . . . . . . . . . . . . . . . . w . . w . . w .
    CLONE_SOURCE      . . . . . . . . . . . . . . . . . . . . . . . . R . . . R
    LEGAL_HOLD        . . . . . . . . . . . . . . . . . . . . . . . . . . . . R
"""
ANSWERS = {"R": "refuse", "w": "wait", ".": "allow"}
CELLS = {
    (name, column): ANSWERS[letter]
    for name, *letters in map(str.split, TABLE.strip().splitlines())
    for column, letter in zip(COLUMNS, letters, strict=True)
}
CODES = {
    **dict.fromkeys(("COPYING", "MOVED", "MOVING_OBJECTS", "MOVE"), "move.underway"),
    **dict.fromkeys(("REPLACING", "HALTED", "KEPT", "RESTORE"), "restore.underway"),
    "RELEASED": "tenant.state",
}
"""What the refusal is called by what is in the way; else, and for a move that meets any run, ``tenant.busy``."""


@pytest.fixture(scope="module")
def control(cloud):
    """The control database of this worker's cloud."""
    with entered(cloud.environment):
        control_database.make()


def insert_tenant(connection):
    connection.execute(
        "INSERT INTO tenants (id, slug, name, tier, isolation, cell, stack, state, host, database, schema, app_role, bucket, prefix)"
        " VALUES (%s, %s, 'T', 'starter', 'schema', 'main', 'shared', 'active', %s, 'cell_main', 's', 'r', 'b', 'p')",
        [TENANT, SLUG, f"{SLUG}.tenantry.example"],
    )


@pytest.fixture
def control_of_tenant(control, in_cloud):
    """A transaction with a tenant that is at rest; nothing of it stays."""
    with transaction() as connection, connection.transaction(force_rollback=True):
        insert_tenant(connection)
        yield connection


@pytest.fixture
def tenant(control, in_cloud):
    """A tenant at rest that every process sees; no trace of it stays."""
    with transaction() as connection:
        insert_tenant(connection)
    yield
    with transaction() as connection:
        ids = [row["id"] for row in connection.execute("SELECT id FROM runs WHERE tenant_id = %s", [TENANT])]
        for table in ("audit_log", "moves", "runs"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [TENANT])
        connection.execute("DELETE FROM tenants WHERE id = %s", [TENANT])
    queue.client().delete_workflows([f"{run_id}:0" for run_id in ids])


def insert_run(connection, kind, state="running", run_id=None, **arguments):
    connection.execute(
        "INSERT INTO runs (id, kind, tenant_id, subject, arguments, requested_by, via, state)"
        " VALUES (%s, %s, %s, %s, %s, 'test', 'cli', %s)",
        [run_id or uuid4(), kind, TENANT, SLUG, json.dumps(arguments), state],
    )


def insert_move(connection, phase, *, turn=1):
    ends = [json.dumps({"isolation": isolation, "cell": "main", "turn": turn}) for isolation, turn in (("schema", 0), ("database", turn))]
    connection.execute(
        "INSERT INTO moves (id, tenant_id, source, target, phase, keep) VALUES (%s, %s, %s, %s, %s, '1 day')", [RUN, TENANT, *ends, phase]
    )


def insert_restore(connection, state, run=None, **columns):
    if run:
        insert_run(connection, "restore", run, RUN, source=SLUG)
    connection.execute(
        "INSERT INTO restores (tenant_id, id, backup_id, state, swapped_at) VALUES (%s, %s, 'b', %s, %s)",
        [TENANT, RUN, state, columns.get("swapped_at")],
    )


def insert(connection, found):
    """Lets the kind of work be under way on the tenant."""
    if found in RUNS:
        insert_run(connection, found)
        return
    match found:
        case Kind.OTHER:
            insert_run(connection, "teleport", "queued")
        case Kind.TASK:
            connection.execute(
                "INSERT INTO task_runs (id, task, tenant_id, slot, requested_by) VALUES (%s, 't', %s, now(), 'test')", [uuid4(), TENANT]
            )
        case Kind.COPYING:
            insert_move(connection, "copying")
        case Kind.MOVED:
            insert_move(connection, "moved")
        case Kind.MOVING_OBJECTS:
            insert_move(connection, "copying", turn=0)
        case Kind.REPLACING:
            insert_restore(connection, "running")
        case Kind.HALTED:
            insert_restore(connection, "running", run="failed")
        case Kind.KEPT:
            insert_restore(connection, "kept", run="done")
        case Kind.SHUT:
            connection.execute("UPDATE tenants SET maintenance = 'restore' WHERE id = %s", [TENANT])
        case Kind.RELEASED:
            connection.execute(
                "INSERT INTO holds (tenant, until, previous_state, requested_by, deleting_since)"
                " VALUES (%s, now(), 'active', 'test', now())",
                [TENANT],
            )


def answer(connection, asked):
    """What becomes of the work that is asked for, and the code of the refusal."""
    try:
        occupancy.admit(connection, TENANT, asked)
    except InputError as error:
        return "refuse", error.code
    return ("wait" if occupancy.waits(asked, works.at_work(connection, TENANT)) else "allow"), None


@pytest.mark.parametrize("found", [column for column in COLUMNS if column != "MIGRATE"])
@pytest.mark.parametrize("asked", [kind.name for kind in ASKED])
def test_every_pair(control_of_tenant, asked, found):
    """The table above is what happens, and the refusal says by its code what is in the way."""
    insert(control_of_tenant, Kind[found])
    assert [work.kind for work in works.at_work(control_of_tenant, TENANT)] == [Kind[found]]
    busy = asked == "MOVE" and Kind[found] in RUNS
    code = ("tenant.busy" if busy else CODES.get(found, "tenant.busy")) if CELLS[asked, found] == "refuse" else None
    assert answer(control_of_tenant, Kind[asked]) == (CELLS[asked, found], code)


@pytest.mark.parametrize("asked", [kind.name for kind in ASKED])
def test_what_begins_beside_a_roll_out(in_cloud, asked):
    """The roll-out's run says little, it may wait or have been killed: its lock does."""

    def begin():
        with occupancy.between_roll_outs(Kind[asked], "it begins"):
            return "allow"

    with occupancy.none_begins():
        if CELLS[asked, "MIGRATE"] == "wait":
            with pytest.raises(TransientError, match="a roll-out of migrations is at work: it begins when it has ended") as caught:
                begin()
            assert caught.value.code == "tenant.busy"
        else:
            assert begin() == CELLS[asked, "MIGRATE"]
    assert begin() == "allow"


def test_every_kind_of_work_has_a_row_and_a_column():
    """Whoever adds a kind of durable work decides here what it may meet, and writes it into the table of this test."""
    assert {kind.name for kind in catalogue.KINDS} == set(RUNS)
    assert set(FOUND) | set(ASKED) == set(Kind)
    assert set(MATRIX) == set(ASKED)
    assert all(set(row) == set(FOUND) for row in MATRIX.values())
    assert set(CELLS) == {(asked.name, found.name) for asked in ASKED for found in FOUND}


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (lambda c: insert_move(c, "switched"), Kind.COPYING),
        (lambda c: insert_move(c, "finishing"), Kind.MOVED),
        (lambda c: (insert_move(c, "moved"), insert_run(c, "move-rollback", "failed", move=RUN)), Kind.COPYING),
        (lambda c: (insert_move(c, "moved"), insert_run(c, "move-rollback", "done", move=RUN)), Kind.MOVED),
        (lambda c: (insert_move(c, "moved"), insert_run(c, "move-rollback", "failed", move="another")), Kind.MOVED),
        (lambda c: (insert_move(c, "returned"), insert_run(c, "move-rollback", "failed", move=RUN)), Kind.MOVED),
        (lambda c: insert_restore(c, "running", run="failed", swapped_at="now"), Kind.REPLACING),
        (lambda c: (insert_restore(c, "running", run="failed"), insert_run(c, "restore rollback")), Kind.REPLACING),
        (lambda c: (insert_restore(c, "kept"), insert(c, Kind.SHUT)), Kind.REPLACING),
    ],
)
def test_what_is_in_force_is_known_by_its_rows(control_of_tenant, rows, kind):
    """A move copies rows until it has arrived, and again on its way back; a restore replaces data until it is open, and again."""
    rows(control_of_tenant)
    assert works.at_work(control_of_tenant, TENANT)[0].kind is kind
    assert works.moves_and_restores(control_of_tenant)[SLUG][0].kind is kind


def test_what_has_ended_is_not_in_the_way(control_of_tenant):
    """Runs that are over, moves and restores that are closed."""
    for kind in RUNS:
        insert_run(control_of_tenant, kind, "failed")
    insert_move(control_of_tenant, "moved")
    control_of_tenant.execute("UPDATE moves SET ended_at = now(), outcome = 'finished' WHERE tenant_id = %s", [TENANT])
    insert_restore(control_of_tenant, "confirmed")
    assert works.at_work(control_of_tenant, TENANT) == []
    assert SLUG not in works.moves_and_restores(control_of_tenant)


def test_a_run_is_not_in_its_own_way(control_of_tenant):
    """Neither itself nor what it has begun; anything else still is."""
    insert_restore(control_of_tenant, "running", run="running")
    occupancy.admit(control_of_tenant, TENANT, Kind.RESTORE_BEGINS, but=RUN)
    with pytest.raises(InputError, match=f"an earlier restore of {SLUG} is not finished"):
        occupancy.admit(control_of_tenant, TENANT, Kind.RESTORE_BEGINS, but=uuid4())


def test_nothing_is_asked_for_beside_what_it_must_not_meet(tenant):
    """The question is asked in the transaction in which the run would come into being."""
    doomed = queue.request(runs.Request("delete", SLUG, TENANT, actor=Actor("test")))
    with pytest.raises(InputError, match=f"tenant {SLUG} is at work: delete") as caught:
        queue.request(runs.Request("restore", SLUG, TENANT, actor=Actor("test")))
    assert caught.value.hint.endswith(f"tenantry resume {doomed}")
    assert [run["kind"] for run in runs.latest(tenant_id=TENANT)] == ["delete"]


def test_of_two_that_begin_at_once_the_second_finds_the_first(tenant):
    """The tenant's row is held from the question to the end of the transaction: the second waits, and is refused then."""

    def restore():
        return queue.request(runs.Request("restore", SLUG, TENANT, actor=Actor("test")))

    with ThreadPoolExecutor(1) as pool, Server.from_environment().connect() as admin:
        with occupancy.admitted(TENANT, Kind.MOVE_BEGINS) as connection:
            insert_move(connection, "copying")
            asking = pool.submit(restore)
            admin.autocommit = True
            wait_for(lambda: admin.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'").fetchone())
        with pytest.raises(InputError, match=f"tenant {SLUG} is being moved to database"):
            asking.result(30)
    assert runs.latest(tenant_id=TENANT) == []
