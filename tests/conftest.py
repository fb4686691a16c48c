"""What tests of every tier may use: a private local cloud per xdist worker."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Before anything imports gRPC: its fork handlers break into every process that a test starts while another test's channel is open.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

from local.cloud.cloud import Cloud
from local.env import environment, process_environment
from local.home import CLONE, Home
from tests import commands
from tests.environment import entered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


pytest_plugins = ["tests.durations", "tests.memory"]

# Commands speak to pipelines otherwise than to people, and tests are run by both. Hypothesis wants to know as well: emptied, not gone.
for _name in {"CI", "GITHUB_ACTIONS", "GITHUB_WORKSPACE"} & os.environ.keys():
    os.environ[_name] = ""


@dataclass(frozen=True)
class PrivateCloud:
    """A running local cloud: its folder, its variables, and a command line that meets it."""

    home: Home
    environment: Mapping[str, str]

    def run(self, *command: str, cwd: Path = CLONE, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs ``command`` (`pulumi …`) in the cloud's environment; never raises for its exit code."""
        environment = {**process_environment(self.home), **(variables or {})}
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)

    def tenantry(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line of this clone."""
        return commands.run({**process_environment(self.home), **variables}, *arguments)


@pytest.fixture(scope="session")
def cloud() -> Iterator[PrivateCloud]:
    """A local cloud of this worker's own, ended and removed with the session."""
    # Not pytest's temporary folder: that one is closed to the system user that PostgreSQL runs as where tests are run by root.
    home = Home(Path(tempfile.mkdtemp(prefix="tenantry-test-")))
    running = Cloud(home)
    try:
        running.up(lambda line: print(line, file=sys.stderr))
        yield PrivateCloud(home, environment(home))
    finally:
        running.reset()
        for name in ("lock", "."):
            path = home.root / name
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


@pytest.fixture
def in_cloud(cloud: PrivateCloud) -> Iterator[PrivateCloud]:
    """The worker's cloud, with its variables in this process's own environment."""
    with entered(cloud.environment):
        yield cloud


@pytest.fixture(scope="session", autouse=True)
def _modules_of_this_clone() -> None:
    """Processes that tests start find the clone's packages, whether or not it is installed."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(CLONE) not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(CLONE), *filter(None, paths)])
