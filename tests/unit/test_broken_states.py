"""A state file that is empty, cut or random is named by doctor, with the newest whole one as the way back."""

from __future__ import annotations

import gzip
import json
import os

import pytest

from tenantry.backend import state_files
from tenantry.clients import process
from tenantry.errors import WorkError
from tenantry.operations import doctor
from tests.environment import entered

WHOLE = json.dumps({"version": 3, "checkpoint": {"stack": "organization/tenantry/granite", "latest": {"resources": []}}}).encode()
BROKEN = {"empty": b"", "cut": WHOLE[:40], "random": bytes(range(256)), "no state": b"[]", "cut and compressed": gzip.compress(WHOLE)[:30]}


@pytest.fixture
def backend(tmp_path):
    """A file backend with the states of two stacks."""
    for folder in ("stacks/tenantry", "history/tenantry/granite"):
        (tmp_path / ".pulumi" / folder).mkdir(parents=True)
    stacks = tmp_path / ".pulumi" / "stacks" / "tenantry"
    for name in ("acme.json", "granite.json"):
        (stacks / name).write_bytes(WHOLE)
    with entered({"PULUMI_BACKEND_URL": f"{tmp_path.as_uri()}?metadata=skip"}):
        yield stacks


def test_whole_states_are_no_finding(backend):
    """Compressed ones neither."""
    assert state_files.unreadable() == []
    (backend / "acme.json").unlink()
    (backend / "acme.json.gz").write_bytes(gzip.compress(WHOLE))
    assert state_files.unreadable() == []


@pytest.mark.parametrize("damage", BROKEN)
def test_a_broken_state_is_named_with_the_way_back(backend, damage):
    """The newest of what is whole; a broken copy is none; with nothing left, what to do without."""
    path = backend / "granite.json"
    path.write_bytes(BROKEN[damage])
    [(stack, where, cause)] = state_files.unreadable()
    assert (stack, where) == ("granite", str(path))
    assert cause
    assert "state adopt granite" in state_files.way_back(stack, where)
    old = backend.parents[1] / "history" / "tenantry" / "granite" / "granite-1.checkpoint.json"
    old.write_bytes(WHOLE)
    os.utime(old, (1, 1))
    assert f"cp {old} {path}, then tenantry up --stack granite --refresh" == state_files.way_back(stack, where)
    bak = backend / "granite.json.bak"
    bak.write_bytes(WHOLE)
    assert f"cp {bak} {path}" in state_files.way_back(stack, where)
    bak.write_bytes(BROKEN[damage])
    assert f"cp {old} {path}" in state_files.way_back(stack, where)


def test_doctor_names_it_and_leads_nobody_in_a_circle(backend, monkeypatch):
    """Before, the state backend was well, and the interrupted run's hint was the command that could not work."""
    (backend / "granite.json").write_bytes(b"")
    monkeypatch.setattr(process, "pulumi", lambda: "true")
    with pytest.raises(WorkError, match=r"the state of the stack granite cannot be read: .*granite\.json: it is empty") as caught:
        doctor._backend()
    assert "tenantry state adopt granite" in (caught.value.hint or "")


def test_a_bucket_names_the_versions(monkeypatch):
    """There is no .bak in a bucket with versions."""
    assert "list-object-versions" in state_files.way_back("granite", "s3://states/.pulumi/stacks/tenantry/granite.json")
