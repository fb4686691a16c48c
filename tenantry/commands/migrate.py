"""`tenantry migrate`: the tenant tables of the whole fleet."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
