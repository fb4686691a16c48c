"""Webhooks are edited, and one event of an order is skipped."""

from tenantry.migration import run_sql_beside

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    run_sql_beside(__file__)
