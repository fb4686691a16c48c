"""A run is for a declaration: what it was asked for with, and since when no worker had those files."""

from tenantry.migration import run_sql_beside

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_sql_beside(__file__)
