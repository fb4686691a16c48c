"""A configuration key and its value as they are written and shown on the command line."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from typer.core import TyperCommand

from tenantry import console
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.declaration.keys import Editor
    from tenantry.operations.configure import Changed

Key = Annotated[str, typer.Argument(metavar="KEY", help="For example features.reports; tenantry config keys shows them all.")]

As = Annotated[
    Literal["platform", "tenant-admin"], typer.Option("--as", help="Whose right to change the key is asked for.", show_default=True)
]


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


def role_of(editor: str) -> Editor:
    """The editor that ``--as`` means."""
    return cast("Editor", editor.replace("-", "_"))


def print_changed(done: Changed, as_json: bool) -> None:
    """What became of a key."""
    if as_json:
        console.print_json({**asdict(done), "changed": done.changed})
    elif done.changed:
        console.line(f"{done.slug} {done.key}: {short(done.old)} ({done.old_source}) → {short(done.value)} ({done.source})")
    else:
        console.line(f"{done.slug} {done.key}: {short(done.value)} ({done.source}), as before")
