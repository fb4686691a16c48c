"""Tenants' own people set configuration through functions that look who is signed in, and at the value."""

from tenantry.migration import run_sql_beside

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_sql_beside(__file__)
