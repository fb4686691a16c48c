"""The control database with its tables, made without the engine."""

from __future__ import annotations

from psycopg import sql

from tenantry import naming
from tenantry.postgres import migrations
from tenantry.postgres.server import Server, acting_as


def make() -> None:
    """Makes it on the server of this process's environment; one that is there stays."""
    server = Server.from_environment()
    with server.connect() as admin:
        admin.autocommit = True
        for role in (naming.CONTROL_OWNER, naming.CONTROL_APP, naming.CONTROL_DIRECTORY, naming.CONTROL_PORTAL):
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [naming.CONTROL_DATABASE]).fetchone():
            names = (sql.Identifier(naming.CONTROL_DATABASE), sql.Identifier(naming.CONTROL_OWNER))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
    with server.connect(naming.CONTROL_DATABASE) as connection:
        with acting_as(connection, naming.CONTROL_OWNER):
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(naming.CONTROL_SCHEMA)))
        migrations.apply(
            connection,
            "control",
            naming.CONTROL_SCHEMA,
            owner=naming.CONTROL_OWNER,
            app_role=naming.CONTROL_APP,
            platform_role=naming.CONTROL_OWNER,
        )
