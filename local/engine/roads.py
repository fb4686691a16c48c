"""Which `pulumi` to use: the one on PATH, the official release, or one built from its Go modules, in this order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import fasteners
import platformdirs

from local.engine import build, download
from tenantry.errors import InputError, WorkError

if TYPE_CHECKING:
    from collections.abc import Callable

ROADS = ("path", "download", "build")


def wanted() -> str:
    """The version of the Pulumi SDK that is installed, and so the least version of the engine: `3.259.0`."""
    return version("pulumi")


def cache() -> Path:
    """The folder of the engine that we downloaded or built: shared by all clones of a user, one per version."""
    return Path(platformdirs.user_cache_dir("tenantry")) / "engine" / f"v{wanted()}"


def locate() -> Path | None:
    """The folder with `pulumi`, without getting anything; None where there is no engine yet."""
    road = _forced()
    if road in (None, "path") and (found := _on_path()):
        return found
    if road != "path" and _complete(cache() / "bin"):
        return cache() / "bin"
    return None


def ensure(say: Callable[[str], None]) -> Path:
    """The folder with `pulumi`; gets the engine where it is missing and tells ``say`` in plain lines what it does.

    Raises WorkError where no road leads to an engine. TENANTRY_ENGINE=path|download|build allows one road only.
    """
    if found := locate():
        if found == cache() / "bin":
            build.processes(found)
        return found
    road = _forced()
    if road == "path":
        raise WorkError(f"no pulumi {wanted()} or later with its Python language host on PATH", "install it, or unset TENANTRY_ENGINE")
    with _OneAtATime(say):
        if found := locate():  # someone else got it while we waited
            return found
        failures = []
        for name, get in (("download", download.fetch), ("build", build.build)):
            if road in (None, name):
                try:
                    get(wanted(), cache(), say)
                    return cache() / "bin"
                except WorkError as error:
                    failures.append(error.message)
                    say(error.message)
        raise WorkError("no Pulumi engine: " + "; ".join(failures), f"install pulumi {wanted()} by hand and put it on PATH")


def _forced() -> str | None:
    road = os.environ.get("TENANTRY_ENGINE") or None
    if road not in (None, *ROADS):
        raise InputError(f"TENANTRY_ENGINE={road} names no way to get the engine", f"use one of {', '.join(ROADS)}, or unset it")
    return road


def _on_path() -> Path | None:
    """The folder of a new enough `pulumi` on PATH that has its language host."""
    found = shutil.which("pulumi")
    if not found or not any((shutil.which("pulumi-language-python"), (Path(found).resolve().parent / "pulumi-language-python").exists())):
        return None
    said = _version(Path(found))
    return Path(found).parent if said is not None and said >= _numbers(wanted()) else None


def _complete(folder: Path) -> bool:
    return all((folder / name).exists() for name in ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python"))


def _version(pulumi: Path) -> tuple[int, ...] | None:
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run([pulumi, "version"], capture_output=True, text=True, timeout=60, check=True, env=quiet)
    except (OSError, subprocess.SubprocessError):
        return None
    return _numbers(done.stdout) or None


def _numbers(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()


class _OneAtATime:
    """A lock on the cache, so that two builds at once don't do the work twice."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        cache().parent.mkdir(parents=True, exist_ok=True)
        self._lock = fasteners.InterProcessLock(cache().parent / ".lock")

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._say("another process is getting the Pulumi engine; waiting for it")
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
