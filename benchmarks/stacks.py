"""Engine runs over a cell of 50 pooled tenants, against an empty Python program on the same engine and language host.

Everything runs in a private local cloud that is removed afterwards. Each ratio is of medians of runs done in turns, A B A B …,
because the machine's speed drifts; wall time in seconds, and the children's processor time beside it.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import private
from local.home import CLONE

TENANTS = 50

FILE = """\
name: Tenant {number}
tier: starter
isolation: rls
admin:
  name: Ada Number {number}
  email: ada@tenant-{number}.example
branding:
  app_name: Desk {number}
theme:
  primary: "#{number:06x}"
"""

EMPTY_PROJECT = """\
name: empty
runtime:
  name: python
"""


class Bench(private.Platform):
    """A private platform with as many plain pooled tenants as asked for."""

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        super().__init__(root, say)
        self.empty = root / "empty"
        self.empty.mkdir()
        (self.empty / "Pulumi.yaml").write_text(EMPTY_PROJECT)
        (self.empty / "__main__.py").write_text("")

    def declare(self, numbers: range) -> None:
        for number in numbers:
            (self.tenants / f"tenant-{number:03}.yaml").write_text(FILE.format(number=number))

    def timed(self, command: list[str], cwd: Path = CLONE) -> tuple[float, float]:
        """Wall and processor seconds of a command; it must succeed."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        self.run(command, cwd)
        wall = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    def bare(self, stack: str, cwd: Path = CLONE) -> tuple[float, float]:
        """A bare `pulumi up`."""
        return self.timed(["pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive"], cwd)

    def up(self, stack: str) -> tuple[float, float]:
        """`tenantry up`."""
        return self.timed([sys.executable, "-c", "from tenantry.cli import main; main()", "up", "--stack", stack])

    def init(self, stack: str, cwd: Path = CLONE) -> None:
        self.timed(["pulumi", "stack", "init", stack, "--non-interactive"], cwd)


def measure(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """All figures: name → {a, b, ratio, aim, …}, medians in seconds."""
    with Bench.running(say) as bench:
        return _measure(bench, runs)


def _measure(bench: Bench, runs: int) -> dict[str, Any]:
    bench.init("empty", bench.empty)
    bench.bare("empty", bench.empty)
    bench.say("the platform of a cell, with 4 tenants")
    bench.declare(range(1, 5))
    bench.up("shared")
    bench.bare("shared")

    bench.say("adding tenant after tenant: 5th to 7th")
    early = [_add(bench, number) for number in (5, 6, 7)]
    bench.declare(range(8, TENANTS - 2))
    bench.up("shared")
    bench.bare("shared")
    bench.say(f"adding tenant after tenant: {TENANTS - 2}th to {TENANTS}th")
    late = [_add(bench, number) for number in range(TENANTS - 2, TENANTS + 1)]

    bench.say(f"no-op up of {TENANTS} pooled tenants against an empty program, {runs} times in turns")
    pairs = [(bench.bare("shared"), bench.bare("empty", bench.empty)) for _ in range(runs)]

    bench.say(f"a cell of {TENANTS} from nothing, against its no-op")
    create, no_op = _from_nothing(bench)
    return {
        "no_op_50_vs_empty": _ratio([a for a, _ in pairs], [b for _, b in pairs], 4.0),
        "add_50th_vs_5th": _ratio(late, early, 2.0),
        "create_50_vs_no_op": _ratio([create], no_op, 4.0),
        "where_the_no_op_goes": _where(bench, median(a[0] for a, _ in pairs), median(b[0] for _, b in pairs)),
    }


def _add(bench: Bench, number: int) -> tuple[float, float]:
    bench.declare(range(number, number + 1))
    return bench.bare("shared")


def _from_nothing(bench: Bench) -> tuple[tuple[float, float], list[tuple[float, float]]]:
    """A second cell with the same number of tenants, made in one `tenantry up`, then the same with nothing to do."""
    for file in sorted(bench.tenants.glob("tenant-*.yaml"))[:TENANTS]:
        copy = file.with_name(file.name.replace("tenant-", "other-"))
        copy.write_text(file.read_text().replace("@tenant-", "@other-") + "cell: bench\n")
    created = bench.up("shared-bench")
    return created, [bench.up("shared-bench") for _ in range(3)]


def _ratio(a: list[tuple[float, float]], b: list[tuple[float, float]], aim: float) -> dict[str, Any]:
    wall = median(x[0] for x in a), median(x[0] for x in b)
    cpu = median(x[1] for x in a), median(x[1] for x in b)
    return {
        "a_wall": round(wall[0], 2),
        "b_wall": round(wall[1], 2),
        "ratio": round(wall[0] / wall[1], 2),
        "ratio_cpu": round(cpu[0] / cpu[1], 2),
        "aim": aim,
        "runs": [len(a), len(b)],
    }


def _where(bench: Bench, whole: float, empty: float) -> dict[str, float]:
    """The parts of a no-op that can be measured by themselves (wall seconds); the rest is the engine's talk about resources."""

    def python(code: str) -> float:
        return min(bench.timed([sys.executable, "-c", code])[0] for _ in range(3))

    sdk = python("import pulumi")
    program = python("import pulumi, stacks.shared, stacks.dedicated, psycopg")
    load = "from tenantry.declaration import load; from tenantry.settings import tenants_dir"
    parts = {
        "empty program: engine, language host, state": empty,
        "the program's imports beyond the SDK": program - sdk,
        "reading and checking the declarations": python(f"{load}; load(tenants_dir())") - python(load),
        "asking the ledger (one connection)": python(
            "from tenantry.postgres.server import Server; import psycopg; Server.from_environment().connect().close()"
        )
        - python("import psycopg; from tenantry.postgres.server import Server"),
    }
    parts["plugins, and the engine's talk about every resource"] = whole - sum(parts.values())
    return {name: round(seconds, 2) for name, seconds in parts.items()} | {"whole": round(whole, 2)}


def show(figures: Mapping[str, Any]) -> None:
    """The figures as a table."""
    print(f"{'what':<24} {'A s':>8} {'B s':>8} {'A/B':>6} {'A/B cpu':>8} {'aim':>5}   cores: {os.cpu_count()}")
    for name, figure in figures.items():
        if "ratio" in figure:
            print(
                f"{name:<24} {figure['a_wall']:>8} {figure['b_wall']:>8} {figure['ratio']:>6} {figure['ratio_cpu']:>8} {figure['aim']:>5}"
            )
    print("\nwhere a no-op of 50 tenants goes (s)")
    for part, seconds in figures["where_the_no_op_goes"].items():
        print(f"  {seconds:>6}  {part}")
