"""Alembic's environment as the application has it. Where the tables are, libpq's variables say; the version table is beside them."""

import sys
from pathlib import Path

from alembic import context
from sqlalchemy import create_engine

sys.path.insert(0, str(Path(__file__).parent))
from models import Base

engine = create_engine("postgresql+psycopg://")
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=lambda _, name, kind, reflected, other: not (kind == "table" and name.startswith("tenantry_")),
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
