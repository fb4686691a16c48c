"""Told to stop in the middle of an engine run, with all of its process group, as by Ctrl-C or a service manager: no run is lost."""

from __future__ import annotations

import os
import signal

import pytest

from tests.engine.provisioning import check_provisioned_once, runs_of
from tests.waiting import wait_for

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.up("--stack", "shared")
    return sandbox


@pytest.fixture(autouse=True)
def interruptible():
    """A shell has what it starts in the background ignore Ctrl-C, and all that is started by it does, too, unless it had a handler."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stopped_in_the_engine_run(platform, process, slug, number):
    """Signals the process's whole group once the tenant's step 2 is at work; what the command still said, and its exit code."""
    wait_for(lambda: any(step["number"] == 2 and step["state"] == "running" for run in runs_of(platform, slug) for step in run["steps"]))
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=240)
    return said, process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_told_to_stop_finishes_what_is_in_hand(platform, number):
    """The engine hears it too and gives up; the worker tries again, and ends when its run has."""
    slug = f"rowan{int(number)}"
    platform.declare(slug, isolation="database", domains=[f"www.{slug}.example"])
    process = platform.start_interpreter("worker")
    try:
        wait_for(lambda: "is at work" in process.stdout.readline())
        platform.tenantry("provision", slug, "--detach")
        said, code = stopped_in_the_engine_run(platform, process, slug, number)
    finally:
        platform.kill(process)
    assert (code, said.splitlines()) == (0, ["ending: no more runs are taken, those in hand are finished"])
    (run,) = runs_of(platform, slug)
    assert run["steps"][1]["cause"] == f"stack {slug}: the engine was told to stop in the middle of it"
    assert run["steps"][1]["attempts"] == 2
    check_provisioned_once(platform, slug)


def test_a_command_that_is_its_own_worker_says_what_it_waits_for(platform):
    """Ctrl-C: the run in hand is finished, the exit code is 130, and each line says how to go on."""
    platform.declare("sorrel", isolation="database")
    process = platform.start_interpreter("provision", "sorrel")
    try:
        said, code = stopped_in_the_engine_run(platform, process, "sorrel", signal.SIGINT)
    finally:
        platform.kill(process)
    (run,) = runs_of(platform, "sorrel")
    assert code == 130, said
    assert said.splitlines()[-3:] == [
        "interrupted: what is in hand is finished first, in 10 minutes at most; Ctrl-C again leaves it to the next worker",
        f"no longer watching: tenantry log {run['id']} shows how it stands; what is not done is resumed by the next worker"
        " (tenantry worker)",
        "interrupted; repeat the command to resume",
    ]
    check_provisioned_once(platform, "sorrel")


def test_a_second_interruption_leaves_the_run_to_the_next(platform):
    """Ctrl-C twice ends the command at once; the same command goes on with the run, which never failed."""
    platform.declare("tansy", isolation="database")
    process = platform.start_interpreter("provision", "tansy")
    try:
        wait_for(lambda: any(step["number"] == 2 for run in runs_of(platform, "tansy") for step in run["steps"]))
        os.kill(process.pid, signal.SIGINT)
        wait_for(lambda: "interrupted" in process.stdout.readline())
        os.killpg(process.pid, signal.SIGINT)
        process.wait(10)
    finally:
        platform.kill(process)
    assert process.returncode == -signal.SIGINT  # 130, as a shell says it
    assert [run["state"] for run in runs_of(platform, "tansy")] == ["running"]
    platform.tenantry("provision", "tansy")
    check_provisioned_once(platform, "tansy")
