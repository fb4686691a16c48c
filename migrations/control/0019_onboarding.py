"""On-boarding: who accepted an invitation and who wrote it, what a person says of himself, and one function that does it all."""

from tenantry.migration import run_sql_beside

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_sql_beside(__file__)
