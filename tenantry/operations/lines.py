"""Lists as lines for another program: JSON, or a table in which no text is taken for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tenantry.errors import InputError

FORMATS: Final = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
"""Format → media type."""


def require(form: str) -> None:
    """``InputError`` for what is none of ``FORMATS``."""
    if form not in FORMATS:
        raise InputError(f"there is no format {form[:20]!r}", f"one of {', '.join(FORMATS)}")


def written(form: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Each row as a line, in the order of ``columns``, which a table begins with."""
    if form == "csv":
        yield _csv(columns)
    for row in rows:
        plain = {column: _plain(row[column]) for column in columns}
        yield _csv(plain.values()) if form == "csv" else json.dumps(plain, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value if value is None or isinstance(value, int) else str(value)


def _csv(values: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_harmless(value) for value in values])
    return out.getvalue()


def _harmless(value: Any) -> Any:
    """What a table would take for a formula, as the text that it is: https://owasp.org/www-community/attacks/CSV_Injection."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else value
