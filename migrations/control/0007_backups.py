"""Backups, their keys, and restore drills."""

from tenantry.migration import run_sql_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql_beside(__file__)
