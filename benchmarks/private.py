"""A private local cloud: for a benchmark in this process, or with a folder of declarations for the processes that it starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from local.cloud.cloud import Cloud
from local.env import environment, process_environment
from local.home import CLONE, Home
from tests import checkout


@contextmanager
def cloud(say: Callable[[str], None]) -> Iterator[tuple[Path, Home]]:
    """A folder and a cloud in it whose variables are this process's own; both are removed, and the variables are as before, in the end."""
    root = Path(tempfile.mkdtemp(prefix="tenantry-bench-"))
    running, before = Cloud(Home(root / "local")), dict(os.environ)
    try:
        running.up(say)
        os.environ.update(environment(running.home))
        yield root, running.home
    finally:
        os.environ.clear()
        os.environ.update(before)
        running.reset()
        shutil.rmtree(root, ignore_errors=True)


class Platform:
    """A cloud and the declarations of its tenants, of whom there is none yet."""

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        self.root, self.say = root, say
        self.cloud = Cloud(Home(root / "local"))
        self.tenants = root / "tenants"
        checkout.begin(self.tenants)

    @classmethod
    @contextmanager
    def running(cls, say: Callable[[str], None], *more: Any) -> Iterator[Self]:
        """One in a folder of its own, removed at the end; ``more`` is what its class takes besides."""
        root = Path(tempfile.mkdtemp(prefix="tenantry-bench-"))
        platform = cls(root, say, *more)
        try:
            platform.cloud.up(say)
            yield platform
        finally:
            platform.cloud.reset()
            shutil.rmtree(root, ignore_errors=True)

    @property
    def environment(self) -> Mapping[str, str]:
        return {**process_environment(self.cloud.home), "TENANTRY_TENANTS": str(self.tenants), "PYTHONPATH": str(CLONE)}

    def run(self, command: list[str], cwd: Path = CLONE) -> str:
        """What a command prints; it must succeed."""
        done = subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed\n{done.stdout}\n{done.stderr}")
        return done.stdout
