"""A lock that a killed `pulumi` has left in the backend is told of by doctor before what the next run would go on with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from tenantry.backend.stack_state import parsed
from tenantry.clients import place
from tenantry.control import engines
from tenantry.control.engines import Engine
from tenantry.errors import WorkError
from tenantry.operations import doctor, states

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
STACKS = ("shared", "dune", "dust", "dusk")


@pytest.fixture
def gone():
    """The id of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """Lets a process hold the lock of the stack `shared`; its last run wrote itself down as told."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", tmp_path.as_uri())

    def lock(pid, host=None, last=None):
        folder = tmp_path / ".pulumi" / "locks" / "organization" / "tenantry" / "shared"
        folder.mkdir(parents=True, exist_ok=True)
        held = {"pid": pid, "username": "ada", "hostname": host or socket.gethostname(), "timestamp": "2026-11-27T08:00:00.123456789Z"}
        (folder / "0b1f6f5e-0000-0000-0000-000000000000.json").write_text(json.dumps(held))
        monkeypatch.setattr(engines, "read", lambda connection, stack: last)
        return engines.left_behind(None, "shared")

    return lock


def test_a_lock_of_a_process_that_is_not_here_is_left_behind(locked, gone):
    """A bare `pulumi destroy` runs no program, so nobody has written down whose its lock is."""
    found = locked(gone)
    assert (found.pid, found.user) == (gone, "ada")
    problem, hint = states._in_the_way("shared", parsed({}), found)
    assert problem == f"a pulumi run holds the stack shared (process {gone} of ada), and there is no such process here"
    assert hint.endswith("pulumi cancel --stack shared --yes")


def test_who_is_at_work_or_elsewhere_is_not_in_the_way(locked, gone):
    assert locked(os.getpid()) is None
    assert locked(gone, host="another-machine") is None


def test_one_that_is_proven_gone_goes_with_the_next_run(locked, gone):
    """As `tenantry up` removes it by itself."""
    last = Engine((), socket.gethostname(), place.here(), None, NOW - timedelta(seconds=1))
    assert locked(gone, last=last) is None


def test_what_is_marked_for_replacement_is_told_with_the_one_command_that_takes_it_back():
    role, record = "postgresql:index/role:Role", "cloudflare:index/dnsRecord:DnsRecord"
    marked = [(f"urn:pulumi:shared::tenantry::{type_}::{name}", type_) for type_, name in ((role, "oak-db-app"), (record, "oak-dns"))]
    state = parsed({"resources": [{"urn": urn, "type": type_, "custom": True, "taint": True} for urn, type_ in marked]})
    assert states._in_the_way("shared", state, None) == (
        "marked for replacement: oak-db-app, oak-dns",
        f"pulumi state untaint --stack shared '{marked[0][0]}' '{marked[1][0]}'",
    )


def test_doctor_tells_of_every_stack_that_would_be_refused_with_the_command_of_each(monkeypatch):
    """Whoever does what the line says is not refused for the next one."""

    def told(*refused):
        found = [
            states.Standing(stack, None, f"{stack} is locked", f"unlock {stack}", stack in refused, "", "", "", None) for stack in STACKS
        ]
        monkeypatch.setattr(doctor.states, "every", lambda: found)
        with pytest.raises(WorkError) as error:
            doctor._states()
        return error.value.message, error.value.hint

    monkeypatch.setattr(doctor, "_no_platform", lambda: False)
    assert told("dust") == ("dust is locked", "unlock dust")
    assert told("dune", "dust") == ("dune is locked; dust is locked", "unlock dune; unlock dust")
    assert told(*STACKS)[0].endswith("; and 1 more")
