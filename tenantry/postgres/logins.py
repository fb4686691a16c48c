"""Whether a tenant's own login role may come in, and the end of its sessions.

An ``rls`` tenant has no role of its own: its sessions are its cell's application's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from tenantry import naming
from tenantry.postgres.server import Server, may_act_as

if TYPE_CHECKING:
    import psycopg


def password_holds(server: Server, database: str, role: str, password: str) -> bool:
    """Whether the role has that password: PostgreSQL lets a role change its own. Only a server that answers can say that it has not."""
    import psycopg

    try:
        psycopg.connect(
            host=server.host, port=server.port, user=role, password=password, dbname=database, sslmode=server.sslmode, connect_timeout=10
        ).close()
    except psycopg.OperationalError as error:
        return "authentication failed" not in str(error)
    return True


def set_login(connection: psycopg.Connection, role: str, login: bool) -> int | None:
    """Lets the role log in or not, at once, and commits; what may not log in is thrown out.

    The number of sessions that were ended; None where there is no such role. ``connection`` is an administrator's.
    """
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
        connection.commit()
        return None
    may_act_as(connection, role)
    connection.execute(sql.SQL("ALTER ROLE {} " + ("LOGIN" if login else "NOLOGIN")).format(sql.Identifier(role)))
    connection.commit()  # before the sessions end: none may come back
    return 0 if login else end_sessions(connection, role)


def end_sessions(connection: psycopg.Connection, role: str) -> int:
    """Ends the role's sessions, but for our own, and commits; their number."""
    may_act_as(connection, role)
    ended = connection.execute(
        "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()",
        [role],
    ).fetchone()
    connection.commit()
    return int(ended[0]) if ended else 0


def give_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Gives it to the role in the caller's transaction, the administrator's. Hashed on this side, so that no server log can hold it."""
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE {role} PASSWORD {hashed}").format(role=sql.Identifier(role), hashed=hashed))


def set_search_path(connection: psycopg.Connection, role: str, database: str, schema: str) -> None:
    """Lets the role's sessions in ``database`` find what is in ``schema``; in the caller's transaction, the administrator's."""
    connection.execute(
        sql.SQL("ALTER ROLE {role} IN DATABASE {database} SET search_path = {path}").format(
            role=sql.Identifier(role),
            database=sql.Identifier(database),
            path=sql.SQL(", ").join(map(sql.Identifier, naming.search_path(schema))),
        )
    )
