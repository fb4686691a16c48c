"""A phone for every project, and notes."""

import sqlalchemy as sa
from alembic import op

revision = "b2e1"
down_revision = "a1f0"


def upgrade() -> None:
    op.add_column("projects", sa.Column("phone", sa.Text))
    op.execute("UPDATE projects SET phone = 'none of ' || title")
    op.create_table(
        "notes",
        sa.Column("tenant_id", sa.Uuid, server_default=sa.text("NULLIF(current_setting('app.tenant_id', true), '')::uuid")),
        sa.Column("id", sa.Uuid, server_default=sa.text("gen_random_uuid()")),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="notes_pkey"),
    )
