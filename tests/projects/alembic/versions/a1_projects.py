"""Projects and their tasks."""

import sqlalchemy as sa
from alembic import op

revision = "a1f0"
down_revision = None

TENANT = sa.text("NULLIF(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("tenant_id", sa.Uuid, server_default=TENANT),
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="projects_pkey"),
    )
    op.create_table(
        "tasks",
        sa.Column("tenant_id", sa.Uuid, server_default=TENANT),
        sa.Column("project_id", sa.Integer, autoincrement=False),
        sa.Column("number", sa.Integer, autoincrement=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "project_id", "number", name="tasks_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "project_id"], ["projects.tenant_id", "projects.id"], name="tasks_projects", ondelete="CASCADE"
        ),
    )
