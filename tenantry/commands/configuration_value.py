"""A configuration key and its value as they are written and shown on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from tenantry.errors import InputError

Key = Annotated[str, typer.Argument(metavar="KEY", help="For example features.reports; tenantry config keys shows them all.")]


class ValueCommand(TyperCommand):
    """A command with a value that may be a negative number: `-5` is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Only then: a mistyped option is to be told, not to be taken for the value."""
        ctx.ignore_unknown_options = any(re.fullmatch(r"-\d[\d.]*", arg) for arg in args)
        return super().parse_args(ctx, args)


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
