"""What the application may do in the control database: functions that check, and triggers that it cannot pass by."""

from tenantry.migration import run_sql_beside

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql_beside(__file__)
