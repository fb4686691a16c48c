"""Logins: whose password is in which secret, and since when."""

from tenantry.migration import run_sql_beside

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_sql_beside(__file__)
