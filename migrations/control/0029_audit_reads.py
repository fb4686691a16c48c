"""What was read through the service, and by whom."""

from tenantry.migration import run_sql_beside

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_sql_beside(__file__)
