"""The order of the modules: the dearest first, so that no worker begins one when the others are about to end; and what each has cost.

``durations.json`` is committed and holds the seconds of each module in a whole run; `make test PYTEST_ARGS=--keep-durations` writes it.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

KEPT = Path(__file__).with_suffix(".json")
SHOWN = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-durations", action="store_true", help="write what each module has cost into tests/durations.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module that is new comes first: nobody knows what it costs."""
    known = json.loads(KEPT.read_text(encoding="utf-8"))
    items.sort(key=lambda item: -known.get(_module(item.nodeid), float("inf")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    spent: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                spent[_module(report.nodeid)] += report.duration
    if len(spent) > 1:
        terminalreporter.section(f"slowest {min(SHOWN, len(spent))} modules")
        for module, seconds in spent.most_common(SHOWN):
            terminalreporter.line(f"{seconds:.1f}s {module}")
    if config.getoption("--keep-durations"):
        rounded = {module: round(seconds, 1) for module, seconds in sorted(spent.items())}
        KEPT.write_text(json.dumps(rounded, indent=0) + "\n", encoding="utf-8")


def _module(nodeid: str) -> str:
    return nodeid.split("::", 1)[0]
