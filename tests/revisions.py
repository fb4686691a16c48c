"""Revisions of the tenant tables that tests write."""

from __future__ import annotations

import re
from pathlib import Path

BESIDE = '''"""Written by a test."""

from tenantry.migration import run_sql_beside

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    run_sql_beside(__file__)
'''
"""A revision whose SQL stands beside it."""


def refer(root: Path, *tables: str) -> None:
    """Names reference tables, and no others, in the file beside the migrations of ``root``."""
    file = root / "classification.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"(?m)^reference:.*$", f"reference: [{', '.join(tables)}]", text), encoding="utf-8")
