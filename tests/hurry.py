"""A PostgreSQL that is quick where a test does not need it to be careful."""

from __future__ import annotations

import psycopg
from psycopg import sql


def hurry(admin: psycopg.Connection, password: str) -> None:
    """Lets it wait neither for the disk (no machine is killed here) nor for a slow hash, half of what a connection takes.

    ``admin``: an autocommitting session of the superuser, whose own password is ``password``.
    """
    for setting in ("fsync = off", "scram_iterations = 1"):
        admin.execute(f"ALTER SYSTEM SET {setting}")
    admin.execute("SELECT pg_reload_conf()")
    admin.execute("SET scram_iterations = 1")
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(admin.info.user), sql.Literal(password)))
