"""The outbox of e-mails: written in the transaction that causes them, sent by whoever sweeps."""

from tenantry.migration import run_sql_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql_beside(__file__)
