"""`tenantry clone`: a tenant copied for staging, anonymised."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
