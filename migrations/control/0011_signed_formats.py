"""Deletion records say in which format they were signed."""

from tenantry.migration import run_sql_beside

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql_beside(__file__)
