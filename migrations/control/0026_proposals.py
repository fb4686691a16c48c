"""Proposals: files of tenants that wait on a forge for somebody's decision."""

from tenantry.migration import run_sql_beside

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    run_sql_beside(__file__)
