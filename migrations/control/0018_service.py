"""Who may ask the service, and what was asked of it: keys and the answers that are kept."""

from tenantry.migration import run_sql_beside

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    run_sql_beside(__file__)
