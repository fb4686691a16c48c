"""`tenantry config get|set|history|bulk|undo|drift`: configuration at runtime."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
