"""A configuration key and its value as they are written and shown on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tenantry.errors import InputError

Key = Annotated[str, typer.Argument(metavar="KEY", help="For example features.reports; tenantry config keys shows them all.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def given(value: str | None, file: Path | None) -> str:
    """The value as it was given: as an argument, or in a file."""
    if (value is None) == (file is None):
        raise InputError("say the value: VALUE or --file PATH", "for example: tenantry config set acme features.exports false")
    if file is None:
        return str(value)
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}", "name a text file in UTF-8") from None


def plain(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def short(value: Any) -> str:
    """One line of at most 40 characters."""
    text = "-" if value is None else " ".join(plain(value).split())
    return text if len(text) <= 40 else f"{text[:39]}…"
