"""Which resource made a tenant's row."""

from tenantry.migration import run_sql_beside

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_sql_beside(__file__)
