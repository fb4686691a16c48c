"""Single sign-on: who somebody is to the provider, and log-ins that are under way there."""

from tenantry.migration import run_sql_beside

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    run_sql_beside(__file__)
