"""The logins of one application: whether they may come in, the end of their sessions, and their passwords.

There are two of them that take turns once a password was renewed: ``role``, and one that is its member and may do what it may. An ``rls``
tenant has none of its own: its sessions are its cell's application's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from tenantry import naming
from tenantry.postgres import login_limits
from tenantry.postgres.server import Server, may_act_as

if TYPE_CHECKING:
    import psycopg


def password_holds(server: Server, database: str, role: str, password: str) -> bool:
    """Whether the role has that password: PostgreSQL lets a role change its own. Only a server that answers can say that it has not."""
    return "authentication failed" not in refusal(server, database, role, password)


def refusal(server: Server, database: str, role: str, password: str) -> str:
    """Why the role does not get in with that password, in PostgreSQL's words; empty: it does."""
    import psycopg

    try:
        psycopg.connect(
            host=server.host, port=server.port, user=role, password=password, dbname=database, sslmode=server.sslmode, connect_timeout=10
        ).close()
    except psycopg.OperationalError as error:
        return str(error).strip()
    return ""


def set_login(connection: psycopg.Connection, role: str, login: bool) -> int | None:
    """Lets the role, and the one that takes turns with it, log in or not, at once, and commits; what may not log in is thrown out.

    The number of sessions that were ended; None where there is no such role. ``connection`` is an administrator's.
    """
    if role not in both(connection, role):
        connection.commit()
        return None
    _set_login(connection, role, login)
    for second in set(both(connection, role)) - {role}:  # asked for after the first was committed: see renew
        _set_login(connection, second, login)
    connection.commit()
    return 0 if login else end_sessions(connection, role)


def _set_login(connection: psycopg.Connection, role: str, login: bool) -> None:
    may_act_as(connection, role)
    connection.execute(sql.SQL("ALTER ROLE {} " + ("LOGIN" if login else "NOLOGIN")).format(sql.Identifier(role)))
    connection.commit()  # before the sessions end: none may come back


def both(connection: psycopg.Connection, role: str) -> list[str]:
    """Those of the two that there are, in the caller's transaction; the first comes first."""
    rows = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) ORDER BY rolname", [[role, naming.second_login(role)]]
    ).fetchall()
    return [name for (name,) in rows]


def end_sessions(connection: psycopg.Connection, role: str) -> int:
    """Ends the sessions of both, but for our own, and commits; their number."""
    found = both(connection, role)
    for each in found:
        may_act_as(connection, each)
    ended = connection.execute(
        "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = ANY(%s)"
        " AND pid <> pg_backend_pid()",
        [found],
    ).fetchone()
    connection.commit()
    return int(ended[0]) if ended else 0


def take_rights(connection: psycopg.Connection, role: str) -> None:
    """Ends a role's sessions and takes its rights in this database away, where there is such a role: it can be dropped then."""
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None:  # a row without columns is false
        end_sessions(connection, role)
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))


def give_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Gives it to the role in the caller's transaction, the administrator's. Hashed on this side, so that no server log can hold it."""
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE {role} PASSWORD {hashed}").format(role=sql.Identifier(role), hashed=hashed))


def set_search_path(connection: psycopg.Connection, role: str, database: str, schema: str) -> None:
    """Lets the sessions of both in ``database`` find what is in ``schema``; in the caller's transaction, the administrator's."""
    for each in both(connection, role):
        connection.execute(
            sql.SQL("ALTER ROLE {role} IN DATABASE {database} SET search_path = {path}").format(
                role=sql.Identifier(each),
                database=sql.Identifier(database),
                path=sql.SQL(", ").join(map(sql.Identifier, naming.search_path(schema))),
            )
        )


def renew(server: Server, role: str, login: str, password: str, database: str, schema: str) -> None:
    """Gives ``login``, one of the two, that password, and makes it where it is not there yet. The other one is as it was.

    Whoever suspends the tenant meanwhile does not find a login that is about to be made: so it is made shut, and then as the first is,
    until the first was the same before and after.
    """
    with server.connect() as connection:
        first, second = sql.Identifier(role), naming.second_login(role)
        may_act_as(connection, role)
        if login not in both(connection, role):
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(login)))
            connection.execute(sql.SQL("GRANT {} TO {}").format(first, sql.Identifier(login)))
            connection.commit()
        may_act_as(connection, login)
        give_password(connection, login, password)
        connection.commit()
        if login == second:
            set_search_path(connection, role, database, schema)
            while login_limits.faults(connection, second):
                login_limits.mend(connection, second)
                connection.commit()


def end(server: Server, login: str, *, sessions: bool = False) -> None:
    """Ends the login's password, so that nobody gets in with it any more. Who is in stays, unless ``sessions`` are to end as well."""
    with server.connect() as connection:
        may_act_as(connection, login)
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD NULL").format(sql.Identifier(login)))
        connection.commit()
        if sessions:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [login])


def drop_second(connection: psycopg.Connection, role: str) -> None:
    """Removes the second login, where there is one, with its sessions, and commits."""
    second = naming.second_login(role)
    if second not in both(connection, role):
        return
    end_sessions(connection, second)
    name = sql.Identifier(second)
    connection.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))
    connection.commit()
