"""A private local cloud for a benchmark in this process."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cloud.cloud import Cloud
from local.env import environment
from local.home import Home


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
