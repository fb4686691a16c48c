"""Runs every benchmark and prints a table, or with --json one JSON object."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from benchmarks import stacks


def main() -> None:
    """Entry point of `make bench`."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each of a pair (default 5)")
    options = parser.parse_args()
    command = [sys.executable, "benchmarks/declarations.py", "--json"]
    declarations = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    figures = stacks.measure(options.runs, lambda line: print(line, file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps({"declarations": declarations, "stacks": figures}, indent=2))
        return
    print(json.dumps(declarations, indent=2))
    stacks.show(figures)


main()
