"""A store is guarded anew when the files that say who may do what have changed, or when an earlier Tenantry guarded it."""

from __future__ import annotations

import pytest

from components.resources.store import StoreProvider
from tenantry.errors import InputError
from tenantry.postgres import revisions
from tenantry.settings import migrations_dir

PROPS = {
    "tree": "control", "server": None, "database": "tenantry", "schema": "control", "owner": "tenantry__owner", "app_role": "tenantry__app",
    "tenant_id": None, "login": True, "revision": "0008", "guards": revisions.guards("control"),
}  # fmt: skip


def changed(olds: dict, news: dict) -> bool:
    return bool(StoreProvider().diff("id", {"posture": "p", "expected_posture": "p", **olds}, news).changes)


def test_a_change_of_the_files_is_a_change_of_every_store():
    """Nothing else has to differ; a state from before the digest was kept has none."""
    assert not changed(PROPS, PROPS)
    assert changed({**PROPS, "guards": "another"}, PROPS)
    assert changed({name: value for name, value in PROPS.items() if name != "guards"}, PROPS)


def test_the_digest_is_of_the_files(monkeypatch, tmp_path):
    """Of either tree's own: who may do what in the control database is nothing to a tenant's store."""
    for name in ("isolation.sql", "control_grants.yaml", "row_context.sql"):
        (tmp_path / name).write_bytes((migrations_dir() / name).read_bytes())
    monkeypatch.setenv("TENANTRY_MIGRATIONS", str(tmp_path))
    revisions.guards.cache_clear()
    before = {tree: revisions.guards(tree) for tree in ("control", "tenant")}
    assert before["control"] == PROPS["guards"]
    (tmp_path / "control_grants.yaml").write_bytes(b"application: []")
    revisions.guards.cache_clear()
    assert revisions.guards("control") != before["control"]
    assert revisions.guards("tenant") == before["tenant"]
    (tmp_path / "isolation.sql").write_bytes(b"-- other")
    revisions.guards.cache_clear()
    assert revisions.guards("tenant") != before["tenant"]
    (tmp_path / "control_grants.yaml").unlink()
    revisions.guards.cache_clear()
    with pytest.raises(InputError, match="has no control_grants"):
        revisions.guards("control")
    monkeypatch.undo()
    revisions.guards.cache_clear()
