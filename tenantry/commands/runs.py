"""`tenantry provision|resume|log|worker`: durable work, asked for, watched and done."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
