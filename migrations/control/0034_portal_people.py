"""Tenants' own people look after each other, and after their own sign-in, through functions that look who is signed in."""

from tenantry.migration import run_sql_beside

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    run_sql_beside(__file__)
