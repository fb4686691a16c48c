"""Questions to the person who typed a command."""

from __future__ import annotations

import typer

from tenantry.escape import escaped


def ask(question: str, *, hidden: bool = False) -> str:
    """What a person types in answer; the question goes to stderr. ``hidden``: what is typed is not shown."""
    return str(typer.prompt(escaped(question), err=True, hide_input=hidden))


def confirm(question: str) -> None:
    """Goes on when a person says yes; else the command ends."""
    typer.confirm(escaped(question), abort=True)
