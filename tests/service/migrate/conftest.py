"""A fleet of real schemas and databases, and a copy of migrations/ that grows by whatever a test writes into it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import sql

from benchmarks.fleet import Fleet
from local.cloud.cloud import Cloud
from local.env import environment, process_environment
from local.home import Home
from tenantry.actor import Actor
from tenantry.control import runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.operations import migrate
from tenantry.postgres import revisions, tool_commands
from tenantry.postgres.server import Server
from tenantry.settings import migrations_dir
from tenantry.work.step import Run
from tests.commands import Command
from tests.environment import entered
from tests.revisions import BESIDE, refer


@dataclass
class Trees:
    """The copy of migrations/ that is in force."""

    root: Path

    def add(self, text: str, python: str | None = None) -> str:
        """One more revision of the tenant tables, in SQL or as the body of a Python migration; its name."""
        known = revisions.revisions("tenant")
        revision = f"{len(known) + 1:04}"
        file = self.root / "tenant" / f"{revision}_test.py"
        file.write_text((python or BESIDE).format(revision=revision, before=known[-1]), encoding="utf-8")
        file.with_suffix(".sql").write_text(text, encoding="utf-8")
        self.forget()
        return revision

    def refer(self, *tables: str) -> None:
        """Names the reference tables."""
        refer(self.root, *tables)

    def remove_last(self) -> None:
        for path in (self.root / "tenant").glob(f"{revisions.head('tenant')}_*"):
            path.unlink()
        self.forget()

    @staticmethod
    def forget() -> None:
        revisions.files.cache_clear()
        revisions.rendered.cache_clear()
        tool_commands.revisions.cache_clear()


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trees]:
    """A copy of migrations/, the real one until a test adds to it."""
    root = tmp_path / "migrations"
    shutil.copytree(migrations_dir(), root)
    monkeypatch.setenv("TENANTRY_MIGRATIONS", str(root))
    Trees.forget()
    yield Trees(root)
    Trees.forget()


@pytest.fixture(scope="module")
def servers() -> Iterator[Cloud]:
    """A cloud of this module's own: its fleet is all that there is."""
    running = Cloud(Home(Path(tempfile.mkdtemp(prefix="tenantry-migrate-"))))
    try:
        running.up(lambda line: print(line, file=sys.stderr))
        yield running
    finally:
        running.reset()
        shutil.rmtree(running.home.root, ignore_errors=True)


@pytest.fixture
def fleet(servers: Cloud, trees: Trees) -> Iterator[Fleet]:
    """An empty fleet, whose databases and roles are gone after the test."""
    with entered(environment(servers.home)):
        server = Server.from_environment()  # a test may meet it as somebody with fewer rights
        yield Fleet()
        _clear(server)


@pytest.fixture
def deployers(fleet: Fleet) -> Iterator[Fleet]:
    """The same of a deployer who is no superuser: CREATEROLE, CREATEDB and what docs/production.md grants."""
    with fleet.connect("postgres") as admin:
        for (name,) in admin.execute("SELECT datname FROM pg_database WHERE datname IN ('tenantry', 'cell_main')").fetchall():
            admin.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        for (name,) in admin.execute(r"SELECT rolname FROM pg_roles WHERE rolname LIKE '%\_\_%'").fetchall():
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
        admin.execute("DROP SCHEMA IF EXISTS tenantry_ledger CASCADE")
        admin.execute("CREATE ROLE deployer LOGIN CREATEROLE CREATEDB PASSWORD 'deployer'")
        admin.execute("GRANT CREATE ON DATABASE postgres TO deployer; GRANT pg_signal_backend TO deployer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGUSER", "deployer")
        patch.setenv("PGPASSWORD", "deployer")
        yield Fleet()


def _clear(server: Server) -> None:
    with server.connect() as admin:
        admin.autocommit = True
        for (name,) in admin.execute("SELECT datname FROM pg_database WHERE datname <> 'postgres' AND NOT datistemplate").fetchall():
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for (name,) in admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname <> current_user AND rolname !~ '^pg_' ORDER BY rolname !~ '__'"
        ).fetchall():
            admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def roll_out(*slugs: str, **options: object) -> list[str]:
    """Runs the steps of a migration here and now; what each said. Raises what the step that failed raised."""
    wanted = runs.Request("migrate", "fleet", arguments={"slugs": list(slugs), "options": options}, actor=Actor("test", "test"))
    with transaction() as connection:
        run_id = runs.request(connection, wanted)["id"]
    row = runs_at_work.claim(run_id, "test")
    assert row is not None
    run = Run.of(row, "test")
    try:
        return [step.work(run) for step in migrate.MIGRATE.steps(run)]
    finally:
        runs_at_work.finish(run_id, "test", "done")


@pytest.fixture
def command(servers: Cloud, fleet: Fleet) -> Callable[..., Command]:
    """`tenantry migrate …` as a process."""

    def start(*arguments: str) -> Command:
        environment = {**process_environment(servers.home), "TENANTRY_MIGRATIONS": str(migrations_dir())}
        return Command(environment, "migrate", *arguments, apart=True)

    return start
