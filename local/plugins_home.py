"""The private PULUMI_HOME: a launcher per stand-in plugin, where the engine looks for provider plugins."""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from local import private
from local.home import CLONE

if TYPE_CHECKING:
    from local.home import Home

PROVIDERS = ("postgresql", "aws", "cloudflare")
# Asks the local cloud's plugin host for the plugin, or becomes it where there is no host.
LAUNCH = CLONE / "local" / "plugins" / "launch.py"
_NO_LOGS = """The engine writes an encrypted log of every run into a folder of this name, up to 500 MB of them; that takes a tenth of a run.
This file in its place stops it. Remove the file to have the logs.
"""
_MARK = "# A stand-in of Tenantry's local cloud."


def install(home: Home) -> None:
    """Writes the launchers at the versions of the installed SDKs. A plugin that someone else has put there stays."""
    python, launch, socket = (shlex.quote(str(path)) for path in (sys.executable, LAUNCH, home.plugins / "host.sock"))
    for name in PROVIDERS:
        launcher = home.pulumi_home / "plugins" / f"resource-{name}-v{version(f'pulumi-{name}')}" / f"pulumi-resource-{name}"
        text = "\n".join(
            (
                "#!/bin/sh",
                _MARK,
                f'exec {python} -I -S {launch} {socket} local.plugins.{name} "$@"',
                "",
            )
        )
        if launcher.exists():
            present = launcher.read_bytes()
            if present == text.encode() or _MARK.encode() not in present:
                continue
        private.folder(launcher.parent)
        fresh = launcher.with_suffix(".new")
        fresh.write_text(text)
        fresh.chmod(0o700)
        fresh.replace(launcher)
    logs = home.pulumi_home / "logs"
    if not logs.exists():
        private.write(logs, _NO_LOGS.encode())
