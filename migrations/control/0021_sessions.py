"""People who sign in: administrators of the platform, sessions, one-time links, and how often somebody may try."""

from tenantry.migration import run_sql_beside

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_sql_beside(__file__)
