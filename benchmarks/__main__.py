"""Runs every benchmark, each in a process and a private local cloud of its own, and prints the ratios, or with --json everything.

make bench                                    all of them
make bench BENCH_ARGS="--only backups"        one
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

SUITES: dict[str, dict[str, Any]] = {
    "declarations": {"count": 10_000},
    "render": {"runs": 9},
    "stacks": {"runs": 5},
    "provisioning": {"runs": 5},
    "pending": {"runs": 3},
    "configuration": {"tenants": 1000, "runs": 7},
    "migrations": {"runs": 3},
    "backups": {"runs": 3},
    "clones": {"runs": 3},
    "moves": {"runs": 4},
    "row_context": {"runs": 7},
    "connections": {"runs": 3},
    "lookup": {"tenants": 10_000},
    "accepting": {"tenants": 10_000, "runs": 15},
    "runtime": {"tenants": 10_000, "runs": 5},
    "service": {"tenants": 200},
}
"""Module of this package → what its ``measure`` is called with."""

CHILD = """
import inspect, json, sys
from importlib import import_module
measure = import_module(f"benchmarks.{sys.argv[1]}").measure
options = json.loads(sys.argv[2])
if "say" in inspect.signature(measure).parameters:
    options["say"] = lambda line: print(line, file=sys.stderr, flush=True)
print(json.dumps(measure(**options)))
"""


def main() -> None:
    """Entry point of `make bench`."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="everything that was measured")
    parser.add_argument("--only", choices=list(SUITES), action="append", help="this one; may be repeated")
    parser.add_argument("--runs", type=int, help="counted runs of each of a pair, for every benchmark that has pairs")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.only or SUITES:
        arguments = dict(SUITES[name])
        if options.runs and "runs" in arguments:
            arguments["runs"] = options.runs
        print(f"== {name}", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, "-c", CHILD, name, json.dumps(arguments)], stdout=subprocess.PIPE, text=True, check=False)
        found[name] = json.loads(done.stdout) if done.returncode == 0 else {"failed": done.returncode}
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, figures in found.items():
            for label, figure, aim, unit in with_aims(name, figures):
                print(f"{label:<60} {figure:>7.2f} {unit:1}   aim {aim:>5} {unit:1}   {'met' if figure <= aim else 'NOT MET'}")
    if any("failed" in figures for figures in found.values()):
        sys.exit(1)


def with_aims(label: str, figures: Any) -> Iterator[tuple[str, float, float, str]]:
    """Everything measured that has an aim, wherever it stands: what, figure, aim and unit (none: a ratio)."""
    if isinstance(figures, dict):
        for key, aim, unit in (("ratio", "aim", ""), ("seconds", "aim_seconds", "s")):
            if key in figures and aim in figures:
                yield label, figures[key], figures[aim], unit
        for name, inner in figures.items():
            yield from with_aims(f"{label}: {name}", inner)


if __name__ == "__main__":
    main()
