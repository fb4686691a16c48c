"""A tier's default of 100 tenants in two cells: `tenantry provision --pending` after its merge, against `tenantry up` of the same.

Both run the engine once for each of the two stacks. A keeps a journal beside it, with a line for each tenant. In turns, with another
value each time.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from itertools import count
from statistics import median
from typing import Any, Final

from benchmarks.stacks import FILE, Bench
from local.home import CLONE
from tests import checkout

AIM: Final = 1.2
EACH: Final = 50
CELLS: Final = ("main", "bench")


def measure(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """The ratio, and how often the engine ran for A."""
    with Bench.running(say) as bench:
        return _measure(bench, runs)


def _measure(bench: Bench, runs: int) -> dict[str, Any]:
    defaults = bench.tenants / "defaults"
    defaults.unlink()
    shutil.copytree(CLONE / "tenants" / "defaults", defaults)
    for number, cell in enumerate(CELLS):
        for tenant in range(number * EACH + 1, (number + 1) * EACH + 1):
            (bench.tenants / f"tenant-{tenant:03}.yaml").write_text(FILE.format(number=tenant) + f"cell: {cell}\n")
    bench.say(f"{EACH} tenants in each of {len(CELLS)} cells")
    _commit(bench)
    _command(bench, "up", "--all")
    _command(bench, "provision", "--pending")  # welcomes them, and makes the queue's tables
    values = count(30)
    bench.say(f"a tier's default, {runs} times in turns")
    pairs = []
    for _ in range(runs):
        merged = _merge(bench, next(values), "provision", "--pending")
        pairs.append((merged, _merge(bench, next(values), "up", "--all")))
    a, b = median(pair[0][0] for pair in pairs), median(pair[1][0] for pair in pairs)
    return {
        "pending_vs_up": {
            "a_wall": round(a, 2),
            "b_wall": round(b, 2),
            "ratio": round(a / b, 2),
            "aim": AIM,
            "runs": [runs, runs],
            "tenants": EACH * len(CELLS),
            "engine_runs_of_each": sorted({engine_runs for pair in pairs for _, engine_runs in pair}),
        }
    }


def _merge(bench: Bench, users: int, *command: str) -> tuple[float, int]:
    """Seconds that the command takes after a merge of the tier's default, and how often it ran the engine."""
    tier = bench.tenants / "defaults" / "starter.yaml"
    tier.write_text(re.sub(r"users: \d+", f"users: {users}", tier.read_text()))
    _commit(bench)
    before = _engine_runs(bench)
    return _command(bench, *command), _engine_runs(bench) - before


def _command(bench: Bench, *arguments: str) -> float:
    return bench.timed([sys.executable, "-c", "from tenantry.cli import main; main()", *arguments])[0]


def _commit(bench: Bench) -> None:
    checkout.git(bench.tenants, "add", "--all")
    checkout.git(bench.tenants, "commit", "--quiet", "--message", "A merge")


def _engine_runs(bench: Bench) -> int:
    """As the state backend has written them down."""
    return len(list(bench.cloud.home.state.rglob("*.history.json")))
