"""A line in the journal for each tenant that a run of a whole stack is for."""

from tenantry.migration import run_sql_beside

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_sql_beside(__file__)
