"""A schema can be brought to any revision of its tree, and never further than asked."""

from __future__ import annotations

import pytest

from tenantry.clients import migrations
from tenantry.clients.postgres import acting_as
from tenantry.declaration import naming
from tenantry.errors import WorkError

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
    assert migrations.version(connection, "revised") is None
    apply(connection, revision="0001")
    assert migrations.version(connection, "revised") == "0001"
    connection.commit()
    apply(connection)
    assert migrations.version(connection, "revised") == "0002"
    connection.commit()
    apply(connection, revision="0001")
    assert migrations.version(connection, "revised") == "0002"
    assert connection.execute("SELECT count(phone) FROM revised.users").fetchone() == (0,)


def test_a_schema_of_a_newer_tree_is_refused_and_left_alone(connection, trees):
    """Its revision is not ours to judge."""
    apply(connection)
    trees.remove_last()
    with pytest.raises(WorkError, match="cannot go to revision head"):
        apply(connection)
    connection.rollback()
    assert migrations.version(connection, "revised") == "0002"


def test_revisions_are_those_of_alembic():
    """The file names, which are all that a run reads, say the same as the chain that Alembic follows."""
    from alembic.script import ScriptDirectory

    for tree in ("control", "tenant"):
        chain = ScriptDirectory.from_config(migrations._configuration(tree)).walk_revisions()
        assert migrations.revisions(tree) == tuple(reversed([script.revision for script in chain]))
