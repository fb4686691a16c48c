"""`tenantry render SLUG` in a folder of 10,000 declarations against the same in one of 100: what one tenant's command pays for the others.

Both are processes of their own, in turns, after a first one each that keeps what it read. Beside them, what the first one takes, and the
one after an edit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.declarations import DEFAULTS, declaration

AIM: Final = 1.5
MANY, FEW = 10_000, 100
SETTLED: Final = 2.5
"""Seconds after which a file counts as written long ago: tenantry/declaration/kept.py."""


def measure(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """The ratio of the medians of wall time."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        say(f"{MANY:,} and {FEW} declarations, each rendered {runs} times in turns")
        many, few = (_written(root / str(count), count) for count in (MANY, FEW))
        time.sleep(SETTLED)
        first = _seconds(root, many)
        _seconds(root, few)
        pairs = [(_seconds(root, many), _seconds(root, few)) for _ in range(runs)]
        edited = many / "customer-7.yaml"
        edited.write_text(edited.read_text().replace("users: ", "users: 1"))
        after = _seconds(root, many)
    a, b = (median(pair[side] for pair in pairs) for side in (0, 1))
    return {
        "of 10,000 against of 100": {
            "a_wall": round(a, 3),
            "b_wall": round(b, 3),
            "ratio": round(a / b, 2),
            "aim": AIM,
            "runs": [runs, runs],
            "first_time_s": round(first, 2),
            "after_an_edit_s": round(after, 2),
        }
    }


def _written(folder: Path, count: int) -> Path:
    (folder / "defaults").mkdir(parents=True)
    for tier, text in DEFAULTS.items():
        (folder / "defaults" / f"{tier}.yaml").write_text(text)
    for number in range(count):
        (folder / f"customer-{number}.yaml").write_text(declaration(number))
    return folder


def _seconds(root: Path, tenants: Path) -> float:
    environment = os.environ | {"TENANTRY_TENANTS": str(tenants), "XDG_CACHE_HOME": str(root / "cache")}
    command = [sys.executable, "-c", "from tenantry.cli import main; main()", "render", "customer-7"]
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun
