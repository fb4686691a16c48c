"""A schema can be brought to any revision of its tree, and never further than asked."""

from __future__ import annotations

import shutil

import pytest
from psycopg import sql

from tenantry.clients import migrations
from tenantry.clients.postgres import Server, acting_as
from tenantry.errors import WorkError

pytestmark = pytest.mark.service

OWNER, APP = "revised__owner", "revised__app"
SECOND = '''"""One column more."""

from tenantry.clients.migrations import run_sql_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql_beside(__file__)
'''


@pytest.fixture
def trees(tmp_path, monkeypatch):
    """A copy of migrations/ with a second revision of the tenant tables."""
    root = tmp_path / "migrations"
    shutil.copytree(migrations.ROOT, root)
    (root / "tenant" / "0002_phone.py").write_text(SECOND)
    (root / "tenant" / "0002_phone.sql").write_text("ALTER TABLE users ADD COLUMN phone text;\n")
    monkeypatch.setattr(migrations, "ROOT", root)
    migrations.head.cache_clear()
    yield root
    migrations.head.cache_clear()


@pytest.fixture
def connection(in_cloud):
    """An empty schema `revised` in a database of its own."""
    server = Server.from_environment()
    with server.connect() as admin:
        admin.autocommit = True
        for role in (OWNER, APP):
            admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        admin.execute(sql.SQL("CREATE DATABASE revised OWNER {}").format(sql.Identifier(OWNER)))
    with server.connect("revised") as connection:
        with acting_as(connection, OWNER):
            connection.execute("CREATE SCHEMA revised")
        yield connection
    with server.connect() as admin:
        admin.autocommit = True
        admin.execute("DROP DATABASE revised WITH (FORCE)")
        for role in (OWNER, APP):
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def apply(connection, **more):
    migrations.apply(connection, "tenant", "revised", owner=OWNER, app_role=APP, **more)


def test_a_schema_stops_at_the_revision_asked_for_and_goes_on_later(connection, trees):
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
    (trees / "tenant" / "0002_phone.py").unlink()
    with pytest.raises(WorkError, match="cannot go to revision head"):
        apply(connection)
    connection.rollback()
    assert migrations.version(connection, "revised") == "0002"
