"""`tenantry backup|restore`: one tenant's data saved, checked and brought back."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
