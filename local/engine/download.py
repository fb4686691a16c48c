"""The official release of the engine, through the SDK's own installer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tenantry.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REACH_SECONDS = 15
INSTALL_SECONDS = 900

# Both in a process of their own: a name lookup and the SDK's installer know no time limit.
_REACH = "import urllib.request as r; r.urlopen('https://get.pulumi.com/install.sh', timeout=10)"
_INSTALL = "import sys; from pulumi.automation import PulumiCommand; PulumiCommand.install(root=sys.argv[1])"


def fetch(version: str, target: Path, say: Callable[[str], None]) -> None:
    """Installs the release ``version`` (which is the SDK's) into ``target``; WorkError soon where it can't be reached."""
    if not _run(_REACH, timeout=REACH_SECONDS):
        raise WorkError("Pulumi's download site can't be reached from here", "")
    say(f"downloading the Pulumi engine {version}, once per user")
    if not _run(_INSTALL, str(target), timeout=INSTALL_SECONDS):
        raise WorkError(f"Pulumi's installer did not bring the engine {version}", "")


def _run(program: str, *arguments: str, timeout: float) -> bool:
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return process.wait(timeout) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
