"""What stands beside a tenant's rows in its schema: lookup tables, extensions' types, materialised views. It survives all that they do."""

from __future__ import annotations

import shutil

import pytest

from tenantry.actor import Actor
from tenantry.operations import backup
from tenantry.operations.clone import catalog, plan
from tenantry.operations.clone.classification import read
from tenantry.operations.restore import run
from tenantry.postgres import extensions, revisions
from tenantry.settings import migrations_dir
from tenantry.stores.tenant_store import TenantStore
from tests.revisions import BESIDE, refer
from tests.service.backup.conftest import started
from tests.service.backup.test_restore import inline  # noqa: F401  # a fixture

pytestmark = pytest.mark.service

TABLES = """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public;
CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL);
INSERT INTO countries VALUES ('de', 'Germany'), ('fr', 'France');
CREATE TABLE addresses (
    tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), country text NOT NULL REFERENCES countries,
    email citext, tags public.hstore, PRIMARY KEY (tenant_id, id)
);
CREATE MATERIALIZED VIEW documents_by_author AS SELECT tenant_id, author_id, count(*) AS n FROM documents GROUP BY 1, 2;
CREATE VIEW document_totals AS SELECT count(*) AS n FROM documents;
"""
MODELS = ("rls", "schema", "database")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A platform of the module's own, with a revision that brings those tables."""
    root = tmp_path_factory.mktemp("beside") / "migrations"
    shutil.copytree(migrations_dir(), root, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "tenant" / "0002_beside.py").write_text(BESIDE.format(revision="0002", before="0001"), encoding="utf-8")
    (root / "tenant" / "0002_beside.sql").write_text(TABLES, encoding="utf-8")
    refer(root, "countries")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENANTRY_MIGRATIONS", str(root))
        _forget()
        with started(stay=True) as (made, _):
            for model in MODELS:
                store = made.tenant(f"from-{model}", model, documents=3)
                with store.acting(store.app_role) as application:
                    application.execute(
                        "INSERT INTO addresses (tenant_id, country, email, tags) VALUES (%s, 'de', 'Ann@X.example', 'a=>1')", [store.id]
                    )
            yield made
    _forget()


def _forget():
    revisions.files.cache_clear()
    revisions.rendered.cache_clear()
    revisions.guards.cache_clear()


def whole(store):
    """As the application finds it."""
    with store.acting(store.app_role) as application:
        assert application.execute("SELECT count(*) FROM countries").fetchone() == (2,)
        assert application.execute("SELECT tags -> 'a' FROM addresses WHERE email = 'ann@x.example'").fetchall() == [("1",)]
        assert application.execute("SELECT n FROM document_totals").fetchone() == (3,)


@pytest.mark.parametrize("model", MODELS)
def test_a_backup_restores_in_its_place_and_beside_in_every_model(platform, inline, model):  # noqa: F811
    """Proven, in place, and as a new tenant of each model: the lookup table's rows are the revision's, there and here."""
    store = TenantStore.of(f"from-{model}")
    taken = backup.create(store.slug)
    assert backup.prove(taken.id).problems == ()
    run.request(store.slug, taken.id, actor=Actor("test"))
    whole(store)
    for other in MODELS:
        new = platform.tenant(f"new-{model}-{other}", other, empty=True)
        run.request(store.slug, taken.id, into=new.slug, actor=Actor("test"))
        whole(new)


def test_a_backup_of_before_that_names_no_extensions_restores_with_those_of_its_cell(platform):
    """As 70e36e8 took them."""
    with pytest.MonkeyPatch.context() as before:
        before.setattr(extensions, "installed", lambda connection: None)
        taken = backup.create("from-schema")
    assert taken.manifest.extensions is None
    assert backup.prove(taken.id).problems == ()


def test_a_lookup_table_needs_no_classification_and_its_references_stay(platform, tmp_path):
    """`drop` may be said; a value that points at it may not be replaced."""
    store = TenantStore.of("from-schema")
    with store.acting(store.owner) as connection:
        tables = catalog.read(connection, store.schema)
    base = (migrations_dir() / "classification.yaml").read_text(encoding="utf-8")
    for lookup, country, problems in (("", "keep", 0), ("  countries: drop\n", "keep", 0), ("", "hash", 1)):
        more = f"{lookup}  addresses: {{id: hash, country: {country}, email: fake email, tags: 'null'}}\n"
        file = tmp_path / "classification.yaml"
        file.write_text(base.replace("\n# The registry's tables", f"{more}\n# The registry's tables", 1), encoding="utf-8")
        found = [str(problem) for problem in plan.examine(tables, read(file)) if "countr" in str(problem)]
        assert len(found) == problems, found
        if problems:
            assert "write keep or null" in found[0]
