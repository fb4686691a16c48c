"""A tenant's life with the tables of an existing application and its own Alembic: none of the sample's tables is there."""

from __future__ import annotations

import shutil
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tenantry.actor import Actor
from tenantry.control import moves, open_moves
from tenantry.declaration.placement import Place
from tenantry.errors import InputError
from tenantry.operations import backup
from tenantry.operations.clone import classification, plan
from tenantry.operations.clone import fill as filling
from tenantry.operations.clone.key import Key
from tenantry.operations.move import transfer
from tenantry.operations.move.transfer import Way
from tenantry.operations.restore import ending, run
from tenantry.postgres import revisions, tool_commands
from tenantry.settings import migrations_dir
from tenantry.stores import table_sets
from tenantry.stores.tenant_store import TenantStore
from tests.service.backup.conftest import started
from tests.service.migrate.conftest import roll_out
from tests.service.own_tools.projects import ALEMBIC, Project
from tests.service.shapes.test_shapes import make

pytestmark = pytest.mark.service

SLUGS = {"rls": "rose", "schema": "elm", "database": "oak"}


def _forget():
    revisions.files.cache_clear()
    tool_commands.revisions.cache_clear()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A platform with one tenant of each model at the application's first migration, and a neighbour in shared tables."""
    root = tmp_path_factory.mktemp("own") / "migrations"
    shutil.copytree(migrations_dir(), root, ignore=shutil.ignore_patterns("__pycache__"))
    found = Project.in_place(ALEMBIC, root, root.parent / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENANTRY_MIGRATIONS", str(root))
        _forget()
        with started(stay=True) as (platform, _):
            for model, slug in (*SLUGS.items(), ("rls", "iris")):
                platform.tenant(slug, model, empty=True)
                say(slug, 1, "first")
            yield found
    _forget()


def say(slug, number, title):
    """A project with a task, as the tenant's application writes them."""
    store = TenantStore.of(slug)
    with store.acting(store.app_role) as connection:
        connection.execute("INSERT INTO projects (id, title) VALUES (%s, %s)", [number, title])
        connection.execute("INSERT INTO tasks (project_id, number, title) VALUES (%s, 1, %s)", [number, title])


def rows(store):
    """Titles of projects, and how many tasks, as the application sees them."""
    with store.acting(store.app_role) as connection:
        found = connection.execute("SELECT to_jsonb(p) - 'tenant_id' FROM projects p ORDER BY id").fetchall()
        tasks = connection.execute("SELECT count(*) FROM tasks").fetchone()
    return [row for (row,) in found], tasks[0]


def test_backups_of_before_come_back_at_the_newest_revision(project, inline):
    """In every model, through a roll-out: proven, restored in place, put back. The neighbour has what it had."""
    saved = {slug: rows(TenantStore.of(slug)) for slug in SLUGS.values()}
    taken = {slug: backup.create(slug) for slug in saved}
    for made in taken.values():
        assert backup.prove(made.id).problems == ()
    project.advance()
    _forget()
    roll_out()
    assert {table_set.version for table_set in table_sets.survey()} == {"b2e1"}
    assert backup.prove(taken["rose"].id).problems == ()
    beside = rows(TenantStore.of("iris"))
    for slug, (projects, tasks) in saved.items():
        say(slug, 2, "second")
        store, written = TenantStore.of(slug), rows(TenantStore.of(slug))
        run.request(slug, taken[slug].id, actor=Actor("test"))
        assert rows(store) == ([{**project, "phone": "none of first"} for project in projects], tasks)
        if slug != "oak":
            run.request_rollback(slug, actor=Actor("test"))
            assert rows(store) == written
        else:
            ending.confirm(slug)
        say(slug, 3, "third")
        with store.acting(store.app_role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM alembic_version")
    assert rows(TenantStore.of("iris")) == beside


def test_a_backup_of_shared_tables_needs_a_tool_that_goes_to_its_revision(project, inline):
    """Said by name, and nothing was touched."""
    taken, before = backup.create("rose"), rows(TenantStore.of("rose"))
    project.declare(to=None)
    try:
        assert backup.prove(taken.id).problems == ()  # of the newest it is
        (project.folder / "versions" / "c3_more.py").write_text(MORE, encoding="utf-8")
        _forget()
        with pytest.raises(InputError, match=r"alembic cannot make tables of revision b2e1: tool\.yaml has no command `to`"):
            backup.prove(taken.id)
    finally:
        project.declare()
        (project.folder / "versions" / "c3_more.py").unlink()
        _forget()
    assert rows(TenantStore.of("rose")) == before


def test_a_tenant_moves_and_is_cloned(project):
    """Into a database, with a write in between; another is cloned into shared tables: the application's tables and no others."""
    source = TenantStore.of("elm")
    move = moves.begin(uuid4(), source.id, "elm", Place("schema", "main", 0), Place("database", "main", 1), timedelta(days=1))
    target = TenantStore.at("elm", move.target)
    make(target)
    way = Way.there(move)
    transfer.copy(way, lambda line: None)
    say("elm", 9, "late")
    transfer.catch_up(way, lambda line: None)
    transfer.switch(way)
    moves.advance(open_moves.must("elm"), "moved")
    assert rows(target) == rows(source)
    with target.acting(target.owner) as connection:
        names = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'tenant'::regnamespace AND relkind = 'r' ORDER BY 1")
        assert [name for (name,) in names] == ["alembic_version", "notes", "projects", "tasks", "tenantry_version"]
    moves.end(open_moves.must("elm"), "finished")

    source, new = TenantStore.of("oak"), TenantStore.of("iris")
    with new.acting(new.owner) as connection:
        connection.execute(sql.SQL("DELETE FROM projects WHERE tenant_id = {}").format(sql.Literal(new.id)))
    found = filling.shape(source)
    assert set(found.tables) == {"projects", "tasks", "notes"}
    kept = {
        name: {column: classification.Treatment("keep") for column in table.columns if column != "tenant_id"}
        for name, table in found.tables.items()
    }
    made = plan.make(found, classification.Classification("own", kept, frozenset(), frozenset(), (), {}, "0" * 64))
    filling.fill(source, new, made, Key.of("oak", "one"), lambda line: None)
    assert rows(new) == rows(source)


MORE = '''
"""One more column."""

import sqlalchemy as sa
from alembic import op

revision = "c3d2"
down_revision = "b2e1"


def upgrade() -> None:
    op.add_column("notes", sa.Column("more", sa.Text))
'''
