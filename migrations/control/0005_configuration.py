"""Bulk changes of configuration that can be undone, and who owns a key's value."""

from tenantry.migration import run_sql_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql_beside(__file__)
