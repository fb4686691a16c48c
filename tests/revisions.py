"""Revisions of the tenant tables that tests write."""

from __future__ import annotations

BESIDE = '''"""Written by a test."""

from tenantry.migration import run_sql_beside

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    run_sql_beside(__file__)
'''
"""A revision whose SQL stands beside it."""
