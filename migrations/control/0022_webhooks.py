"""Webhooks: who is told of what, what happened, and what became of telling it."""

from tenantry.migration import run_sql_beside

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_sql_beside(__file__)
