"""The key that signs row contexts for a cell's shared tables: docs/row-context.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tenantry import naming
from tenantry.postgres import row_context
from tenantry.settings import platform_settings


@dataclass(frozen=True)
class SigningKey:
    """The key that signs a cell's row contexts from now on: its id, and the name of the secret that holds it."""

    cell: str
    key: str
    secret: str


def rotate(cell: str, overlap: timedelta) -> SigningKey:
    """Replaces the cell's key; the one before is accepted for ``overlap`` more. Errors as of ``tenantry.postgres.row_context.rotate``."""
    secret = naming.context_key(platform_settings().bucket_prefix, naming.require_cell(cell))
    return SigningKey(cell, row_context.rotate(cell, secret, overlap), secret)
