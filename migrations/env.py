"""Alembic's environment for both trees, control/ and tenant/.

The caller (`tenantry.postgres.migrations`) hands over a connection with a transaction open, in which it has taken the lock of the
schema and set the search path and the role. Without a connection it wants the SQL instead, to run it in many schemas.
"""

from alembic import context

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, transactional_ddl=False)
    context.run_migrations()
else:
    connection = context.config.attributes["connection"]
    schema: str = context.config.attributes["schema"]

    context.configure(connection=connection, version_table_schema=schema, transactional_ddl=True)
    with context.begin_transaction():  # joins the transaction that the caller has open
        context.run_migrations()
