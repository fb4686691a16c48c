"""`tenantry render SLUG` in a folder of 10,000 declarations against the same in one of 100: what one tenant's command pays for the others.

Both are processes of their own, in turns, after a first one each that keeps what it read; compared by the processor time of the median
one (wall time is shown as well), since what else the machine does is no part of it. Beside them, what the first one takes, and the one
after an edit.
"""

from __future__ import annotations

import os
import resource
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
    """The ratio of the medians."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        say(f"{MANY:,} and {FEW} declarations, each rendered {runs} times in turns")
        many, few = (_written(root / str(count), count) for count in (MANY, FEW))
        time.sleep(SETTLED)
        first, _ = _seconds(root, many)
        _seconds(root, few)
        pairs = [(_seconds(root, many), _seconds(root, few)) for _ in range(runs)]
        edited = many / "customer-7.yaml"
        edited.write_text(edited.read_text().replace("users: ", "users: 1"))
        after, _ = _seconds(root, many)
    a_wall, a = (median(many[which] for many, _ in pairs) for which in (0, 1))
    b_wall, b = (median(few[which] for _, few in pairs) for which in (0, 1))
    return {
        "of 10,000 against of 100": {
            "a_wall": round(a_wall, 3),
            "b_wall": round(b_wall, 3),
            "a_cpu": round(a, 3),
            "b_cpu": round(b, 3),
            "ratio_wall": round(a_wall / b_wall, 2),
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


def _seconds(root: Path, tenants: Path) -> tuple[float, float]:
    """Wall and processor seconds of one command."""
    environment = os.environ | {"TENANTRY_TENANTS": str(tenants), "XDG_CACHE_HOME": str(root / "cache")}
    command = [sys.executable, "-c", "from tenantry.cli import main; main()", "render", "customer-7"]
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
