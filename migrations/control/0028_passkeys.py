"""Passkeys of people who sign in to the service."""

from tenantry.migration import run_sql_beside

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    run_sql_beside(__file__)
