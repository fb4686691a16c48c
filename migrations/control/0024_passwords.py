"""Passwords of users, as argon2id makes them."""

from tenantry.migration import run_sql_beside

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run_sql_beside(__file__)
