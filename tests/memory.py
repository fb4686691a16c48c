"""Temporary folders of tests are in memory where there is room: a platform is thousands of small files, copied and removed for each module.

A folder for each session, removed at its end; what a killed session has left, or a failed one for whoever wants to look, goes with the
next. ``TMPDIR`` says another place.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.volume import FULL

SHARED: Final = Path("/dev/shm")  # noqa: S108  Linux has memory there
PREFIX: Final = "tenantry-tests-"
ROOM: Final = 8 * 1024**3
"""Bytes that have to be free: two workers' platforms take less than one gigabyte each."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """This process and those that it starts make their temporary folders there."""
    if "TMPDIR" in os.environ or FULL or not _possible():
        return
    _sweep()
    folder = SHARED / f"{PREFIX}{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o1777)  # as /tmp: PostgreSQL runs as another user where tests are run by root
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


def _possible() -> bool:
    try:
        about = os.statvfs(SHARED)
    except OSError:
        return False
    return about.f_bavail * about.f_frsize >= ROOM and not about.f_flag & (os.ST_NOEXEC | os.ST_RDONLY)


def _sweep() -> None:
    for folder in SHARED.glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX)
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    folder = SHARED / f"{PREFIX}{os.getpid()}"
    if folder.is_dir() and not getattr(config, "failed", False):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.failed = bool(exitstatus)  # type: ignore[attr-defined]
