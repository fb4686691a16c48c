"""Domains of the addresses of tenants' people, and people who come in by them."""

from tenantry.migration import run_sql_beside

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_sql_beside(__file__)
