"""The provider: its configuration, from arguments or libpq's environment variables, and its resource types."""

from __future__ import annotations

import os
from typing import Any

from local.plugins.framework import Field, Props, Provider
from local.plugins.postgresql.database import Database
from local.plugins.postgresql.role import Role
from local.plugins.postgresql.schema import Schema
from local.plugins.postgresql.server import Server

CONFIG = {
    "host": Field(),
    "port": Field(int),
    "database": Field(),
    "username": Field(),
    "password": Field(secret=True),
    "databaseUsername": Field(),
    "superuser": Field(bool),
    "sslmode": Field(),
    "sslrootcert": Field(),
    "connectTimeout": Field(int, minimum=-1),
    "maxConnections": Field(int, default=20, minimum=-1),
}


def configure(config: Props) -> Server:
    """The server that the arguments, or else PGHOST and the like, name."""

    def setting(name: str, variable: str, default: Any) -> Any:
        return config[name] if config[name] is not None else CONFIG[name].coerce(os.environ.get(variable) or default)

    return Server(
        host=setting("host", "PGHOST", ""),
        port=setting("port", "PGPORT", 5432),
        database=setting("database", "PGDATABASE", "postgres"),
        username=setting("username", "PGUSER", "postgres"),
        password=setting("password", "PGPASSWORD", ""),
        role=config["databaseUsername"] or None,
        superuser=setting("superuser", "PGSUPERUSER", True),
        # The official plugin's driver takes no sslmode for "require".
        sslmode=setting("sslmode", "PGSSLMODE", "require") or "require",
        sslrootcert=config["sslrootcert"],
        connect_timeout=setting("connectTimeout", "PGCONNECT_TIMEOUT", 180),
        max_connections=config["maxConnections"],
    )


PROVIDER = Provider("postgresql", "3.18.2", [Role(), Database(), Schema()], CONFIG, configure)
