"""A program that is older than the platform: every door says so in one line, exit 2, and leaves everything as it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import sql

from local.env import process_environment
from local.home import CLONE
from stacks import gate
from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import admission, ledger, registry, runs
from tenantry.control.database import transaction
from tenantry.control.ledger import Ledger
from tenantry.declaration import load
from tenantry.engine import automation
from tenantry.errors import OlderProgram
from tenantry.operations import doctor
from tenantry.postgres import revisions, template
from tenantry.settings import migrations_dir
from tenantry.stores import program_door
from tenantry.work import queue
from tests import commands

pytestmark = pytest.mark.service

AHEAD = "9999"


@dataclass
class Platform:
    """One of every kind of tables, and the command line of this checkout."""

    fleet: object
    environment: dict[str, str]

    def bring(self, database, schema):
        """Says of tables that a newer program has migrated them."""
        with self.fleet.connect(database) as connection:
            connection.execute(sql.SQL("UPDATE {} SET version_num = %s").format(sql.Identifier(schema, "alembic_version")), [AHEAD])

    def bring_control(self):
        self.bring(naming.CONTROL_DATABASE, naming.CONTROL_SCHEMA)

    def everything(self):
        """What a door could have begun."""
        with self.fleet.connect(naming.CONTROL_DATABASE) as control, self.fleet.connect("postgres") as maintenance:
            tables = [f"control.{name}" for name in ("runs", "audit_log", "workers", "outbox")]
            counted = [control.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables]
            begun = maintenance.execute("SELECT to_regclass('tenantry_ledger.runs')").fetchone() != (None,)
            stacks = maintenance.execute("SELECT * FROM tenantry_ledger.runs").fetchall() if begun else []
        state = Path(self.environment["TENANTRY_LOCAL_HOME"], "state")
        return counted, stacks, sorted(state.rglob("*.json"))

    def run(self, *arguments):
        return commands.run(self.environment, *arguments)


@pytest.fixture
def platform(servers, fleet, trees):
    fleet.shared()
    fleet.schemas(["elbe"])
    fleet.database("acme")
    template.ensure()
    environment = {
        **process_environment(servers.home), "TENANTRY_MIGRATIONS": str(migrations_dir()), "TENANTRY_TENANTS": str(CLONE / "tenants"),
    }  # fmt: skip
    return Platform(fleet, environment)


@pytest.fixture
def _first(monkeypatch):
    """As if this process had not opened the control database yet."""
    monkeypatch.setattr("tenantry.control.program_age._looked", set())


DOORS = [
    ("up", "--all"), ("up", "acme"), ("preview", "--stack", "shared"), ("provision", "acme", "birch"), ("migrate",), ("migrate", "status"),
    ("status",), ("doctor",), ("worker",), ("backup", "create", "elbe"), ("suspend", "elbe"), ("move", "elbe", "--to", "database"),
    ("config", "drift"), ("mail", "list"), ("log",), ("resume", "7c3f9a52-0000-4000-8000-000000000000"), ("cron", "list"), ("usage",),
]  # fmt: skip


def test_every_command_says_so_before_anything(platform):
    platform.bring_control()
    before = platform.everything()
    newest = revisions.head("control")
    for door in DOORS:
        done = platform.run(*door)
        said = done.stderr.strip().splitlines()
        assert done.returncode == 2, f"{door}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert said == [
            "error: this program is older than the platform: the control database is at revision 9999, which this checkout does not have"
            f" (its newest is {newest})",
            "  git pull, or install the release that brought it there; then run the same again",
        ], door
        assert done.stdout == "", door
    assert platform.everything() == before


def test_a_stacks_program_is_not_let_in(platform):
    """`pulumi up` and `pulumi preview` come in by the gate, without the command line."""
    platform.bring_control()
    with pytest.raises(OlderProgram, match="the control database is at revision 9999"):
        gate.read("shared")
    with pytest.raises(OlderProgram, match="the control database is at revision 9999"):
        gate.read("acme")


@pytest.mark.parametrize(
    ("database", "schema", "stack", "other", "who"),
    [
        ("cell_main", "shared", "shared", "acme", "schema shared of cell main"),
        ("cell_main", "t_elbe", "shared", "acme", "schema t_elbe of cell main"),
        ("t_acme", "tenant", "acme", "shared", "tenant acme"),
    ],
)
def test_tables_that_a_newer_program_migrated_shut_their_own_stack(platform, database, schema, stack, other, who):
    """As a ring goes first: the other stacks are at this program's revision, and it may go on with them."""
    platform.bring(database, schema)
    admitted, tenant = admission.admit(load(CLONE / "tenants"), Ledger(stack, {}, {}, False)), naming.tenant_id("elbe")
    with pytest.raises(OlderProgram, match=f"{who} is at revision 9999"):
        gate.read(stack)
    for work in (automation.up, automation.preview):
        with pytest.raises(OlderProgram, match=f"{who} is at revision 9999"):
            work(stack, admitted, lambda step: None)
    with pytest.raises(OlderProgram, match=f"{who} is at revision 9999"):
        queue.request(runs.Request("provision", "elbe", tenant, stack, actor=Actor("test")))
    with transaction() as connection:
        assert connection.execute("SELECT count(*) AS n FROM runs").fetchone() == {"n": 0}
    found = {check.name: check for check in doctor.examine()}["tenant tables"]
    assert not found.ok
    assert "is at revision 9999, which this checkout does not have" in found.found
    assert platform.run("migrate").returncode == 2
    program_door.enter(other)
    assert gate.read(other)


def test_a_template_of_a_newer_program_is_not_made_anew(platform):
    """At the revision of a newer one, or of a form that this one does not know: it would be dropped, and made as it was."""
    for comment, said in (("9999 2", "revision 9999"), ("0001 3", "form 3, this checkout makes form 2")):
        with platform.fleet.server.connect() as admin:
            admin.execute(sql.SQL("COMMENT ON DATABASE tenantry_template IS {}").format(f"tenantry template {comment}"))
        with pytest.raises(OlderProgram, match=said):
            gate.read("shared")


def test_an_older_platform_is_an_upgrade(platform, trees):
    """A program with revisions that the platform has not had yet comes in, and so does one for which there is no platform yet."""
    trees.add("ALTER TABLE users ADD COLUMN phone text;")
    program_door.enter("shared")
    program_door.enter("acme")
    program_door.enter("shared-nowhere")
    with platform.fleet.server.connect() as admin:
        admin.autocommit = True
        admin.execute("DROP DATABASE tenantry WITH (FORCE)")
    program_door.enter("shared")


@pytest.mark.usefixtures("_first")
def test_whoever_opens_the_control_database_first_is_told(platform):
    """Once for a process: what has begun its work ends a step before it stops."""
    registry.tenants()
    platform.bring_control()
    registry.tenants()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenantry.control.program_age._looked", set())
        with pytest.raises(OlderProgram):
            registry.tenants()


def test_a_worker_under_which_the_platform_is_upgraded_ends(platform):
    """It begins no other run and says why; what was asked for waits for a worker of the new release."""
    queue.client()
    registry.tenants()  # from here on this process plays a newer program
    with commands_worker(platform) as worker:
        platform.bring_control()
        with transaction() as connection:  # as a program of the new release asks
            row = runs.request(connection, runs.Request("backup", "elbe", naming.tenant_id("elbe"), actor=Actor("test")))
            queue.put(connection, queue.QUEUE, queue.WORKFLOW, f"{row['id']}:0", queue.partition(row), str(row["id"]))
        output, errors = worker.communicate(30)
    assert worker.returncode == 2, output + errors
    assert "error: this program is older than the platform: the control database is at revision 9999" in errors
    assert runs.read(row["id"])["state"] == "queued"


def test_a_worker_waits_for_the_upgrade(platform):
    """What an older program has left in the queue stays there as it was, until the platform is what this one writes into."""
    queue.client()
    run_id = queue.request(runs.Request("backup", "elbe", naming.tenant_id("elbe"), actor=Actor("test")))
    with platform.fleet.connect(naming.CONTROL_DATABASE) as connection:
        connection.execute("UPDATE control.alembic_version SET version_num = '0008'")
    done = platform.run("worker")
    assert done.returncode == 1, done.stderr
    assert "error: the platform is older than this program: the control database is at revision 0008" in done.stderr
    assert "tenantry up --stack shared" in done.stderr
    found = {check.name: check for check in doctor.examine()}["privileges"]
    assert (found.ok, found.found) == (False, done.stderr.splitlines()[0].removeprefix("error: "))
    with platform.fleet.connect(naming.CONTROL_DATABASE) as connection:
        assert connection.execute("SELECT state, worker FROM control.runs WHERE id = %s", [run_id]).fetchall() == [("queued", None)]


def commands_worker(platform):
    """`tenantry worker`, at work."""
    worker = commands.Command(platform.environment, "worker", apart=True)

    class Running:
        def __enter__(self):
            assert "is at work" in worker.stderr.readline()
            return worker

        def __exit__(self, *_):
            if worker.poll() is None:
                worker.kill()

    return Running()


def test_a_ledger_of_another_form_is_not_read(platform):
    """It may say less than what is so, to a program that does not know the rest."""
    with platform.fleet.server.connect() as admin:
        admin.autocommit = True
        ledger.restore(admin, [])
        Ledger.read(admin, "shared")
        admin.execute("COMMENT ON SCHEMA tenantry_ledger IS 'form 99'")
        with pytest.raises(OlderProgram, match="its ledger is of form 99"):
            Ledger.read(admin, "shared")
        ledger_form = "SELECT obj_description('tenantry_ledger'::regnamespace, 'pg_namespace')"
        assert admin.execute(ledger_form).fetchone() == ("form 99",)
