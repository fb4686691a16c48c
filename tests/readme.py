"""The commands of a page, as a reader of it runs them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    """Every block of shell commands, in the page's order."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def run(block: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Runs a block in a shell of its own; what it prints. The first command that fails ends it, and shows what was printed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=folder, env=dict(environment), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{block}\ngave {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
