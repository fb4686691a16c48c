"""`tenantry move`: a tenant's data to another isolation model or cell."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
