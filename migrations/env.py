"""Alembic's environment for both trees, control/ and tenant/: one transaction, one lock, one schema.

The caller (`tenantry.clients.migrations`) hands over an open connection and says which schema to work in and as whom. Without a
connection it wants the SQL instead, for many schemas: whoever runs it takes the lock and sets the search path.
"""

from alembic import context
from sqlalchemy import text

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, transactional_ddl=False)
    context.run_migrations()
else:
    connection = context.config.attributes["connection"]
    schema: str = context.config.attributes["schema"]

    # Two runs that migrate the same schema take turns; the second finds nothing left to do.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('tenantry:migrate:' || :schema, 0))"), {"schema": schema})
    connection.execute(text("SELECT set_config('search_path', quote_ident(:schema), true)"), {"schema": schema})
    context.configure(connection=connection, version_table_schema=schema, transactional_ddl=True)
    with context.begin_transaction():  # joins the transaction that the caller has open
        context.run_migrations()
