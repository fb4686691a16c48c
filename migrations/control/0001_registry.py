"""The registry: tenants, their configuration with its history, their domains, users and invitations."""

from tenantry.migration import run_sql_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql_beside(__file__)
