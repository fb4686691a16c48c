"""A mail is of a bounded size and shape, whoever writes its row."""

from tenantry.migration import run_sql_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql_beside(__file__)
