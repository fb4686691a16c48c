"""A backup of older tables is restored as it was, compared, and then migrated forward; one of newer tables is refused."""

from __future__ import annotations

import shutil

import pytest

from local.env import environment
from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import backup
from tenantry.operations.restore import run, staging
from tenantry.postgres import guards, revisions
from tenantry.settings import migrations_dir
from tenantry.stores.tenant_store import TenantStore
from tests.environment import entered
from tests.revisions import BESIDE
from tests.service import scratch
from tests.service.backup.conftest import started
from tests.service.backup.test_restore import MODELS, inline  # noqa: F401  # a fixture

pytestmark = pytest.mark.service

SQL = """
ALTER TABLE documents ADD COLUMN summary text NOT NULL DEFAULT 'none yet';
CREATE TABLE tags (tenant_id uuid NOT NULL, document_id uuid NOT NULL, tag text NOT NULL, PRIMARY KEY (tenant_id, document_id, tag),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id) ON DELETE CASCADE);
"""


def forget():
    """What is cached of the tree by process."""
    revisions.files.cache_clear()
    revisions.rendered.cache_clear()


@pytest.fixture
def revised(monkeypatch, tmp_path):
    """Adds one revision of the tenant tables, or takes it away again."""
    root = tmp_path / "migrations"
    shutil.copytree(migrations_dir(), root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("TENANTRY_MIGRATIONS", str(root))
    known = revisions.revisions("tenant")
    number = f"{len(known) + 1:04}"
    file = root / "tenant" / f"{number}_later.py"

    def grow():
        file.write_text(BESIDE.format(revision=number, before=known[-1]))
        file.with_suffix(".sql").write_text(SQL)
        forget()
        return number

    def shrink():
        file.unlink()
        forget()

    grow.shrink = shrink
    forget()
    yield grow
    monkeypatch.undo()
    forget()


def test_older_backups_go_forward(revised, inline):  # noqa: F811
    """In every model: the rows of then in the tables of now, guarded like everybody's; after that a rollback is possible too."""
    with started() as (platform, home), entered(environment(home)):
        stores = [platform.tenant(f"old-{model}", model) for model in MODELS]
        taken = {store.slug: backup.create(store.slug) for store in stores}
        head = revised()
        for store in stores:
            scratch.migrate(store)
        for store in stores:
            with store.connected() as connection:
                posture = guards.found(connection, store.schema)
            with store.acting(store.app_role) as connection:
                connection.execute("DELETE FROM documents")
                connection.execute(
                    "INSERT INTO documents (tenant_id, author_id, title, summary) SELECT tenant_id, id, 'new', 'x' FROM users"
                )
                connection.execute("INSERT INTO tags SELECT tenant_id, id, 'tag' FROM documents")
            assert taken[store.slug].manifest.revision < head
            run.request(store.slug, taken[store.slug].id, actor=Actor("test"))
            with store.connected() as connection:
                assert revisions.version(connection, store.schema) == head
                assert guards.found(connection, store.schema) == posture
            with store.acting(store.app_role) as connection:
                assert connection.execute("SELECT count(*), min(summary), max(summary) FROM documents").fetchone() == (
                    20,
                    "none yet",
                    "none yet",
                )
                assert connection.execute("SELECT count(*) FROM tags").fetchone() == (0,)
            run.request_rollback(store.slug, actor=Actor("test"))
            with store.acting(store.app_role) as connection:
                assert connection.execute("SELECT title, summary, tag FROM documents d JOIN tags t ON t.document_id = d.id").fetchall() == [
                    ("new", "x", "tag")
                ]
            newer = backup.create(store.slug)
            assert newer.manifest.revision == head
            assert newer.manifest.tables["tags"].rows == 1
        revised.shrink()
        figures = {store.slug: staging.live_figures(store) for store in stores}
        for store in stores:
            with pytest.raises(InputError, match=f"has tables of revision {head}; this Tenantry knows up to"):
                run.request(store.slug, backup_id(store), actor=Actor("test"))
        assert {store.slug: staging.live_figures(store) for store in stores} == figures


def backup_id(store: TenantStore) -> str:
    """The newest backup, as `--from newest` finds it."""
    with transaction() as connection:
        row = connection.execute("SELECT id FROM backups WHERE tenant_id = %s ORDER BY taken_at DESC LIMIT 1", [store.id]).fetchone()
    assert row is not None
    return str(row["id"])
