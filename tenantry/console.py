"""What Tenantry says: tables and lines of progress on a terminal, plain lines elsewhere, JSON where asked.

The one place that writes to stdout and stderr (a test walks the code for others). Whatever is said may hold text of a tenant, a server or a
file, so all of it is escaped: it can steer no terminal, begin no line of its own, and hide nothing.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from typing import IO, Any, TypeVar

from tenantry import waiting
from tenantry.errors import TenantryError
from tenantry.escape import escaped, escaped_json

T = TypeVar("T")

_result_printed = False

_CLEAR = "\r\033[K"
_JOINERS = "\u200c\u200d"  # part of how Persian and emoji are written; they move nothing


def is_terminal() -> bool:
    """Whether someone watches: then lines may be overwritten."""
    return sys.stderr.isatty()


def answers() -> bool:
    """Whether someone reads the results as they come: stdout is a terminal."""
    return sys.stdout.isatty()


def line(text: object = "") -> None:
    """One line of a command's result, on stdout; a line break within it is shown as its code."""
    _write(sys.stdout, escaped(str(text), "\t"))


def paragraph(text: object) -> None:
    """As ``line``; on a terminal broken between words where it is longer than that is wide."""
    if not answers():
        line(text)
        return
    width = shutil.get_terminal_size().columns
    _write(sys.stdout, textwrap.fill(escaped(str(text)), width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))


def document(text: str) -> None:
    """A text of several lines on stdout, such as a diff, a key or a mail; its line breaks, tabs and joiners stay."""
    if text:
        _write(sys.stdout, escaped(text.removesuffix("\n"), f"\n\t{_JOINERS}"))


def say(text: str, *, over: bool = False) -> None:
    """One line of progress. It goes to stderr, so that stdout holds results only. ``over``: on a terminal in the place of the last one."""
    waiting.heard()
    _write(sys.stderr, (_CLEAR if over and is_terminal() else "") + escaped(text))


def fleeting(text: str) -> None:
    """On a terminal, a line of progress that the next one takes the place of (``over``)."""
    if is_terminal():
        waiting.heard()
        _write(sys.stderr, _CLEAR + escaped(text), end="")


def complain(error: TenantryError) -> None:
    """An error on stderr: one line what (or several, where it is about several places), one line what to do."""
    first, *more = error.lines
    _write(sys.stderr, "\n".join(["error: " + escaped(first), *map(escaped, more), *(["  " + escaped(error.hint)] if error.hint else [])]))


def begin() -> None:
    """A command begins: no result was printed yet."""
    global _result_printed
    _result_printed = False


def complain_in_json(error: TenantryError) -> None:
    """An error for another program, as one JSON object: on stdout, or where a result stands there already as the last line of stderr."""
    data = error.as_json()
    if _result_printed:
        _write(sys.stderr, escaped_json(json.dumps(data, default=str, ensure_ascii=False)))
    else:
        print_json(data)


def trace(error: BaseException) -> None:
    """An error's traceback on stderr."""
    _write(sys.stderr, escaped("".join(traceback.format_exception(error)).rstrip(), "\n\t"))


def print_json(data: Any) -> None:
    """Data for another program, on stdout; a dataclass as its fields, dates and ids as text."""
    global _result_printed
    _result_printed = True
    _write(sys.stdout, escaped_json(json.dumps(data, indent=2, default=_in_json, ensure_ascii=False)))


def print_entries(entries: Sequence[T], as_json: bool, shown: Callable[[T], str], none: str) -> None:
    """What was found, a line each, or all of it for another program. ``none``: what to say where nothing was found."""
    if as_json:
        print_json(entries)
        return
    for entry in entries:
        line(shown(entry))
    if not entries:
        say(none)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, optional: Sequence[str] = ()) -> None:
    """A table on stdout: drawn on a terminal, tab-free aligned text elsewhere.

    ``optional`` columns are left out, the first of them first, where a terminal is too narrow for all; that is said below.
    """
    cells = [[("" if value is None else escaped(str(value))) for value in row] for row in rows]
    if answers():
        from rich.cells import cell_len
        from rich.console import Console
        from rich.table import Table

        # A value is no markup: `[link=…]` in a name would be one.
        terminal = Console(markup=False, emoji=False, highlight=False)
        widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
        shown, left_out = list(range(len(columns))), list[str]()
        while left_out != list(optional) and sum(widths[i] + 3 for i in shown) + 1 > terminal.width:
            left_out = list(optional[: len(left_out) + 1])
            shown = [i for i, name in enumerate(columns) if name not in left_out]
        table = Table(*(columns[i] for i in shown))
        for row in cells:
            table.add_row(*(row[i] for i in shown))
        terminal.print(table)
        if left_out:
            paragraph(f"left out, because this terminal is narrow: {', '.join(left_out)}; a wider one or a file has all")
        return
    widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]
    for row in [list(columns), ["-" * width for width in widths], *cells]:
        _write(sys.stdout, "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _in_json(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def _write(stream: IO[str], text: str, end: str = "\n") -> None:
    print(text, end=end, file=stream, flush=stream is sys.stderr)
