"""The application removes people and their settings by functions: a right to delete is a right to lock a whole table."""

from tenantry.migration import run_sql_beside

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql_beside(__file__)
