"""`tenantry migrate` on a machine that has other work: what it loads in one thread and needs in another is there in time."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time

import pytest

from local.env import process_environment
from tenantry.settings import migrations_dir
from tests.volume import volume

pytestmark = [pytest.mark.service, pytest.mark.volume]


@pytest.fixture
def load():
    """Processes that leave the cores to nobody."""
    busy = [multiprocessing.get_context("spawn").Process(target=_spin, daemon=True) for _ in range(4)]
    for process in busy:
        process.start()
    yield
    for process in busy:
        process.kill()
        process.join()


def _spin() -> None:
    end = time.monotonic() + 600
    while time.monotonic() < end:
        pass


def test_migrate_under_load(servers, fleet, trees, load):
    """Each in an interpreter of its own that has loaded nothing yet, with something to do: exit 0, every time."""
    fleet.schemas([f"tenant-{number}" for number in range(8)], "0001")
    environment = {**process_environment(servers.home), "TENANTRY_MIGRATIONS": str(migrations_dir())}
    for number in range(volume(1, 30)):
        trees.add(f"CREATE TABLE t{number} (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));")
        command = [sys.executable, "-c", "from tenantry.cli import main; main()", "migrate"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert "8 to 00" in done.stderr
