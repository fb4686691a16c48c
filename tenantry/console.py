"""How Tenantry talks: tables and progress on a terminal, plain lines elsewhere, JSON where asked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from tenantry.operations.progress import Step, said


def is_terminal() -> bool:
    """Whether somebody watches: then lines may be overwritten."""
    return sys.stderr.isatty()


def say(text: str) -> None:
    """One line of progress. It goes to stderr, so that stdout holds results only."""
    print(text, file=sys.stderr, flush=True)


def print_json(data: Any) -> None:
    """Data for another program, on stdout; dates and ids as text."""
    print(json.dumps(data, indent=2, default=str, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout: drawn on a terminal, tab-free aligned text elsewhere."""
    cells = [[("" if value is None else str(value)) for value in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*columns)
        for row in cells:
            table.add_row(*row)
        Console().print(table)
        return
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    for line in [list(columns), ["-" * width for width in widths], *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


class StackProgress:
    """Shows the steps of engine runs: every change as a line, with the stack's name; a running count on a terminal."""

    def __init__(self, verbose: bool = False) -> None:
        self._lock, self._verbose = Lock(), verbose
        self._begun: dict[tuple[str, str], float] = {}

    def __call__(self, step: Step) -> None:
        with self._lock:
            key = (step.stack, step.name)
            if not step.done:
                self._begun[key] = time.monotonic()
                if is_terminal():
                    print(f"\r\033[K{step.stack}: {step.verb} {step.name}", end="", file=sys.stderr, flush=True)
                return
            seconds = time.monotonic() - self._begun.pop(key, time.monotonic())
            slow = f" ({seconds:.1f} s)" if seconds >= 1 else ""
            clear = "\r\033[K" if is_terminal() else ""
            say(f"{clear}{step.stack}: {step.verb} {step.name} ({kind(step.type)}){slow}")


def kind(token: str) -> str:
    """``aws:s3/bucket:Bucket`` as ``aws:Bucket``; our own types without the SDK's prefix."""
    package, _, name = token.partition(":")
    own = package == "pulumi-python"
    return f"{'tenantry' if own else package}:{name.rsplit(':', 1)[-1]}"


def counted(changes: Mapping[str, int]) -> str:
    """``3 create, 1 change`` or ``nothing to do``."""
    return said(changes) or "nothing to do"
