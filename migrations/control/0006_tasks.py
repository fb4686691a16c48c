"""Scheduled tasks: what ran for which tenant, how long, how much, and what failed."""

from tenantry.migration import run_sql_beside

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql_beside(__file__)
