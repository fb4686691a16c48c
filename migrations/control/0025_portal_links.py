"""Links that open one page of a tenant's, and the hosts to which holders of keys may be sent back."""

from tenantry.migration import run_sql_beside

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    run_sql_beside(__file__)
