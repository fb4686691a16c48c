"""A stack's state as the backend keeps it."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest

from tenantry.backend import stack_state
from tenantry.errors import WorkError

PREFIX = "urn:pulumi:shared::tenantry::"
STORE = "pulumi-python:dynamic/tenantry:Store"
DEPLOYMENT = {
    "manifest": {"time": "2026-11-27T07:14:58.412635834Z"},
    "resources": [
        {"urn": f"{PREFIX}pulumi:pulumi:Stack::tenantry-shared", "type": "pulumi:pulumi:Stack", "outputs": {"lineage": "a"}},
        {"urn": f"{PREFIX}tenantry:tenant:Tenant::birch", "type": "tenantry:tenant:Tenant"},
        {"urn": f"{PREFIX}x${STORE}::birch-db-tables", "type": STORE, "custom": True, "id": "c.t", "modified": "2026-11-27T07:14:43.5Z",
         "outputs": {"app_role": "t_birch__app", "password_known": False}},
        {"urn": f"{PREFIX}x${STORE}::old-db-tables", "type": STORE, "custom": True, "id": "c.o", "delete": True, "taint": True},
    ],
    "pending_operations": [{"type": "creating", "resource": {"urn": f"{PREFIX}y::birch-record"}}],
}  # fmt: skip


def test_what_is_remembered():
    state = stack_state.parsed(DEPLOYMENT)
    assert state.saved_at == datetime(2026, 11, 27, 7, 14, 58, 412635, tzinfo=UTC)
    assert state.lineage == "a"
    assert state.names() == {"birch-db-tables", "old-db-tables"}
    assert state.passwords() == {"birch-db-tables": datetime(2026, 11, 27, 7, 14, 43, 500_000, tzinfo=UTC)}
    assert state.unknown_logins() == ("t_birch__app",)
    assert state.pending == ("creating birch-record",)
    assert [(each.tainted, each.leaving) for each in state.resources] == [(False, False), (True, True)]


def test_an_empty_one():
    """As `stack init` writes it, and Go's zero time."""
    assert stack_state.parsed({}) == stack_state.NOTHING
    assert stack_state.parsed({"manifest": {"time": "0001-01-01T00:00:00Z"}, "resources": None}) == stack_state.NOTHING


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_is_read_as_it_is(tmp_path, monkeypatch, packed):
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}?metadata=skip")
    folder = tmp_path / ".pulumi" / "stacks" / "tenantry"
    folder.mkdir(parents=True)
    assert stack_state.read("shared") == stack_state.NOTHING
    content = json.dumps({"version": 3, "checkpoint": {"latest": DEPLOYMENT}}).encode()
    file = folder / ("shared.json.gz" if packed else "shared.json")
    file.write_bytes(gzip.compress(content) if packed else content)
    assert stack_state.read("shared").lineage == "a"
    file.write_bytes(b'{"version": 3, "checkpo')
    with pytest.raises(WorkError, match="the state of the stack shared cannot be read"):
        stack_state.read("shared")
