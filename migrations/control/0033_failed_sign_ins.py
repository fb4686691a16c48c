"""Sign-ins that failed, and the lines of the audit log that tell of them."""

from tenantry.migration import run_sql_beside

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    run_sql_beside(__file__)
