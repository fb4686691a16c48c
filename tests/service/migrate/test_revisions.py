"""A schema can be brought to any revision of its tree, and never further than asked."""

from __future__ import annotations

import threading

import pytest

from tenantry import naming
from tenantry.errors import TransientError, WorkError
from tenantry.postgres import migrations, revisions
from tenantry.postgres.server import acting_as
from tests.waiting import wait_for

pytestmark = pytest.mark.service

OWNER, APP = naming.cell_owner("main"), naming.cell_app("main")


@pytest.fixture
def connection(fleet, trees):
    """An empty schema `revised` in the cell's database, and a tree with a second revision."""
    trees.add("ALTER TABLE users ADD COLUMN phone text;\n")
    with fleet.server.connect(naming.cell_database("main")) as connection:
        with acting_as(connection, OWNER):
            connection.execute("CREATE SCHEMA revised")
        yield connection


def apply(connection, **more):
    migrations.apply(connection, "tenant", "revised", owner=OWNER, app_role=APP, **more)


def test_a_schema_stops_at_the_revision_asked_for_and_goes_on_later(connection):
    """First to 0001, then to the head; asking for 0001 again takes nothing back."""
    assert revisions.version(connection, "revised") is None
    apply(connection, revision="0001")
    assert revisions.version(connection, "revised") == "0001"
    connection.commit()
    apply(connection)
    assert revisions.version(connection, "revised") == "0002"
    connection.commit()
    apply(connection, revision="0001")
    assert revisions.version(connection, "revised") == "0002"
    assert connection.execute("SELECT count(phone) FROM revised.users").fetchone() == (0,)


def test_a_schema_of_a_newer_tree_is_refused_and_left_alone(connection, trees):
    """Its revision is not ours to judge."""
    apply(connection)
    trees.remove_last()
    with pytest.raises(WorkError, match="cannot go to revision head"):
        apply(connection)
    connection.rollback()
    assert revisions.version(connection, "revised") == "0002"


def test_who_makes_or_changes_a_store_lets_go_of_a_lock_that_others_wait_behind(fleet, connection, monkeypatch):
    """`up` meets a report or a backup: the application goes on reading meanwhile; when the report ends the migration is done, and when
    it does not, that is said."""
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.1)
    apply(connection, revision="0001")
    attempts, once = [], migrations.applied_once
    monkeypatch.setattr(migrations, "applied_once", lambda *arguments, **more: attempts.append(1) or once(*arguments, **more))
    with fleet.server.connect(naming.cell_database("main")) as report, fleet.connect() as application:
        report.execute("SELECT count(*) FROM revised.users")
        applying = threading.Thread(target=apply, args=[connection])
        applying.start()
        wait_for(lambda: application.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
        application.execute("SET statement_timeout = '10s'")
        application.execute("SELECT count(*) FROM revised.users")
        report.rollback()
        applying.join(60)
        assert revisions.version(connection, "revised") == "0002"
        assert len(attempts) > 1
        connection.commit()

        report.execute("SELECT count(*) FROM revised.users")  # isolation needs the tables for a moment, with nothing to migrate too
        monkeypatch.setattr(migrations, "ATTEMPTS", 2)
        with pytest.raises(TransientError, match="another session held a lock on the tables of revised through 2 attempts"):
            apply(connection)
        report.rollback()
    apply(connection)
    assert connection.execute("SHOW lock_timeout").fetchone() == ("1min",), "the session is as it was"


def test_revisions_are_those_of_alembic():
    """The file names, which are all that a run reads, say the same as the chain that Alembic follows."""
    from alembic.script import ScriptDirectory

    for tree in ("control", "tenant"):
        chain = ScriptDirectory.from_config(revisions._configuration(tree)).walk_revisions()
        assert revisions.revisions(tree) == tuple(reversed([script.revision for script in chain]))
