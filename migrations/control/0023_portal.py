"""What grants cannot say of the role of tenants' own people: what it writes is looked at, and says who wrote it."""

from tenantry.migration import run_sql_beside

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_sql_beside(__file__)
