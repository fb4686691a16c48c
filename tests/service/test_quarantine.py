"""Names in quarantine, as `tenantry validate` and `tenantry new` tell of them: with a server, and without one."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from local.home import CLONE
from tenantry.control import quarantine, registry
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations.clone import declare
from tenantry.stores.tenant_store import TenantStore
from tests.service import control_database

pytestmark = pytest.mark.service

UNTIL = datetime(2099, 5, 4, tzinfo=UTC)
PLAIN = "name: X\ntier: starter\nadmin: {name: A, email: a@x.example}\n"
ROW = {
    "name": "Acme", "tier": "starter", "isolation": "rls", "cell": "main", "stack": "shared", "state": "suspended",
    "host": "acme.tenantry.example", "database": "cell_main", "schema": "shared", "app_role": "a",
    "bucket": "b", "prefix": "p", "limits": {}, "labels": {},
}  # fmt: skip
AWAY = {"PGHOST": "127.0.0.1", "PGPORT": "9"}


@pytest.fixture
def folder(in_cloud, tmp_path) -> Path:
    """A folder of declarations, and a registry that keeps the slug `gone` and the host name `portal.gone.example` from everybody."""
    control_database.make()
    with transaction() as connection:
        quarantine.put(connection, uuid4(), [("slug", "gone"), ("host", "portal.gone.example")], UNTIL)
    shutil.copytree(CLONE / "tenants" / "defaults", tmp_path / "defaults")
    (tmp_path / "acme.yaml").write_text(PLAIN)
    yield tmp_path
    for name in ("gone", "portal.gone.example"):
        quarantine.release(name)


def run(cloud, folder, *arguments, **variables):
    return cloud.tenantry(*arguments, TENANTRY_TENANTS=str(folder), **variables)


def test_resolve_says_what_a_host_name_leads_to(in_cloud, folder):
    """As the application asks the registry: what serves nobody is told apart from what never was."""
    registry.record("00000000-0000-4000-8000-000000000001", "acme", ROW, ["portal.acme.example"], {"name": "A", "email": "a@x.example"})
    try:
        assert in_cloud.tenantry("resolve", "Portal.Acme.example.").stdout == "suspended acme\n"
        assert json.loads(in_cloud.tenantry("resolve", "acme.tenantry.example", "--json").stdout)["slug"] == "acme"
        assert in_cloud.tenantry("resolve", "portal.gone.example").stdout == "deleted\n"
        assert in_cloud.tenantry("resolve", "never.example").stdout == "unknown\n"
        for wrong in (("status", "acne"), ("invite", "acne")):
            refused = run(in_cloud, folder, *wrong)
            assert (refused.returncode, refused.stderr.splitlines()[1].replace("'", "")) == (2, "  did you mean acme?"), refused.stderr
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM tenant_domains")
            connection.execute("DELETE FROM invitations")
            connection.execute("DELETE FROM tenants")


def test_new_writes_no_file_for_a_slug_in_quarantine(in_cloud, folder):
    """Exit 2, one line that says until when; given back, the same command writes the file."""
    refused = run(in_cloud, folder, "new", "gone", "--tier", "starter")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "error: the slug gone was a deleted tenant's and is in quarantine until 2099-05-04\n" in refused.stderr
    assert not (folder / "gone.yaml").exists()
    quarantine.release("gone")
    assert run(in_cloud, folder, "new", "gone", "--tier", "starter").returncode == 0


def test_validate_shows_where_a_name_in_quarantine_stands(in_cloud, folder):
    """The slug at the file, a host name at its line; `--offline` does not look."""
    (folder / "gone.yaml").write_text(PLAIN)
    (folder / "newcomer.yaml").write_text(PLAIN + "domains:\n  - free.example.org\n  - portal.gone.example\n")
    found = run(in_cloud, folder, "validate", "--json")
    assert found.returncode == 2
    problems = [(Path(p["file"]).name, p["line"], p["column"], p["message"]) for p in json.loads(found.stdout)["problems"]]
    assert problems == [
        ("gone.yaml", 1, 1, "the slug gone was a deleted tenant's and is in quarantine until 2099-05-04"),
        ("newcomer.yaml", 6, 5, "the host name portal.gone.example was a deleted tenant's and is in quarantine until 2099-05-04"),
    ]
    offline = run(in_cloud, folder, "validate", "--offline")
    assert (offline.returncode, offline.stderr) == (0, "")


@pytest.mark.parametrize(("variables", "why"), [({"PGHOST": ""}, "PGHOST not set"), (AWAY, "refused")])
def test_files_are_checked_without_a_server(in_cloud, folder, variables, why):
    """In a pull request's checks there is none: said once, and the files are judged by what stands in them."""
    (folder / "gone.yaml").write_text(PLAIN)
    found = run(in_cloud, folder, "validate", "--json", **variables)
    assert (found.returncode, json.loads(found.stdout)["tenants"]) == (0, 2)
    assert found.stderr.count("the platform was not asked") == 1
    assert why in found.stderr
    (folder / "gone.yaml").unlink()
    written = run(in_cloud, folder, "new", "gone", "--tier", "starter", **variables)
    assert (written.returncode, written.stderr.count("was not asked")) == (0, 1)
    assert (folder / "gone.yaml").exists()


def test_a_clone_is_refused_before_its_file_is_written(folder, monkeypatch):
    """Its slug is as new as any other."""
    monkeypatch.setenv("TENANTRY_TENANTS", str(folder))
    with pytest.raises(InputError, match="the slug gone was a deleted tenant's"):
        declare.require_free("gone", "acme", {"acme"})
    quarantine.release("gone")
    declare.require_free("gone", "acme", {"acme"})


def test_a_deleted_tenant_is_not_mistaken_for_a_typing_error(in_cloud):
    """Who asks for it hears when it went, not which slug is the nearest."""
    control_database.make()
    with transaction() as connection:
        connection.execute(
            "INSERT INTO deletion_records (id, tenant, slug, outcome, at, record, key_id, signature)"
            " VALUES (%s, %s, 'bygone', 'deleted', '2026-01-02', '{}', 'k', 's')",
            [uuid4(), uuid4()],
        )
    try:
        with pytest.raises(InputError, match="tenant bygone was deleted on 2026-01-02") as caught:
            TenantStore.of("bygone")
        assert "tenantry deletion show bygone" in caught.value.hint
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM deletion_records WHERE slug = 'bygone'")
