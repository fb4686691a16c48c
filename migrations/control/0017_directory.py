"""The look-up of tenants for applications: a view, the functions of the login tenantry__directory, and what tells of a change."""

from tenantry.migration import run_sql_beside

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_sql_beside(__file__)
