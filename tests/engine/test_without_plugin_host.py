"""The engine without the local cloud's plugin host, as on any other platform: one process for a run's dynamic resources, four threads."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from tests.volume import volume

pytestmark = [pytest.mark.engine, pytest.mark.volume]


@pytest.fixture
def platform(sandbox):
    """A cell with tenants of both pooled models, and two dedicated tenants; the plugin host is gone."""
    for number in range(3):
        sandbox.declare(f"rows-{number}")
        sandbox.declare(f"schema-{number}", isolation="schema")
    for number in range(2):
        sandbox.declare(f"own-{number}", isolation="database")
    sandbox.up()
    (host,) = [status.pid for status in sandbox.cloud.status() if status.name == "plugins"]
    process = psutil.Process(host)
    os.kill(host, signal.SIGTERM)
    process.wait(10)
    return sandbox


def test_every_stack_is_refreshed_again_and_again(platform):
    """The threads ask at once for what they need for the first time: modules that were imported late waited for each other, at random."""
    for _ in range(volume(1, 30)):
        for stack in ("shared", "own-0", "own-1"):
            platform.pulumi("refresh", "-s", stack, "--yes")
    assert set(map(len, platform.up().values())) == {0}, "nothing is left to do"
