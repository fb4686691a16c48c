"""`tenantry suspend|reactivate|offboard|undelete|deletion`: a tenant's way out, and back."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
