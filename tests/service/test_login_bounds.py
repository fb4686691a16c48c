"""Where logins may connect and what they may take: every way in which it can be undone is found, and mended on the whole server."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from tenantry import naming
from tenantry.postgres import connect_rights, login_limits, server_guard
from tenantry.postgres.server import Server

pytestmark = pytest.mark.service

CELL = "bounds"
LOGIN, DATABASE, OTHER = naming.cell_app(CELL), naming.cell_database(CELL), naming.cell_database("beyond")


@pytest.fixture
def server(in_cloud):
    """A cell's login with its database, another cell's database, and one of other people's."""
    server = Server.from_environment()
    with server.connect() as admin:
        admin.autocommit = True
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'bounds'").format(sql.Identifier(LOGIN)))
        for name in (DATABASE, OTHER, "analytics"):
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(DATABASE), sql.Identifier(LOGIN)))
    yield server
    with server.connect() as admin:
        admin.autocommit = True
        for name in (DATABASE, OTHER, "analytics"):
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("DROP OWNED BY {role}; DROP ROLE {role}").format(role=sql.Identifier(LOGIN)))


def enters(server: Server, database: str) -> bool:
    try:
        psycopg.connect(host=server.host, port=server.port, user=LOGIN, password="bounds", dbname=database).close()
    except psycopg.OperationalError as error:
        if "permission denied for database" not in str(error):
            raise
        return False
    return True


def test_a_server_that_was_never_shut_is_shut(server):
    """As PostgreSQL makes it, everybody comes in everywhere; afterwards the login comes home, and other people's database is as it was."""
    with server.connect() as admin:  # whoever had the server before may have shut it
        for name in ("postgres", "template1"):
            admin.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO PUBLIC").format(sql.Identifier(name)))
    assert all(enters(server, name) for name in ("postgres", "template1", OTHER, DATABASE))
    with server.connect() as admin:
        left = server_guard.mend(admin)
        assert {opening.database for opening in left} == {"analytics"}
        assert server_guard.faults(admin) == [
            "PUBLIC has CONNECT on the database analytics",
            "PUBLIC has TEMPORARY on the database analytics",
        ]
        assert 'REVOKE CONNECT ON DATABASE "analytics" FROM PUBLIC' in connect_rights.remedy(left)
    assert {name: enters(server, name) for name in ("postgres", "template1", OTHER, DATABASE)} == {
        "postgres": False, "template1": False, OTHER: False, DATABASE: True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("GRANT CONNECT ON DATABASE postgres TO PUBLIC", "PUBLIC has CONNECT on the database postgres"),
        ("GRANT TEMPORARY ON DATABASE template1 TO PUBLIC", "PUBLIC has TEMPORARY on the database template1"),
        (f"GRANT CONNECT ON DATABASE postgres TO {LOGIN}", f"{LOGIN} has CONNECT on the database postgres"),
        (f"GRANT CONNECT ON DATABASE {OTHER} TO {LOGIN}", f"{LOGIN} has CONNECT on the database {OTHER}"),
        (f"GRANT TEMPORARY ON DATABASE {DATABASE} TO {LOGIN}", f"{LOGIN} has TEMPORARY on the database {DATABASE}"),
        (f"GRANT CREATE ON DATABASE {DATABASE} TO {LOGIN}", f"{LOGIN} has CREATE on the database {DATABASE}"),
        (f"ALTER ROLE {LOGIN} SET default_transaction_read_only = on", f"{LOGIN} sets default_transaction_read_only"),
        (f"ALTER ROLE {LOGIN} SET statement_timeout = '1ms'", f"{LOGIN} has not statement_timeout = 60000"),
        (f"ALTER ROLE {LOGIN} RESET temp_file_limit", f"{LOGIN} has not temp_file_limit = 2097152"),
        (f"ALTER ROLE {LOGIN} IN DATABASE {DATABASE} SET lock_timeout = '1ms'", f"{LOGIN} sets lock_timeout"),
        (f"ALTER ROLE {LOGIN} SET app.tenant_id = 'x'", f"{LOGIN} sets app.tenant_id"),
        (f"GRANT pg_read_all_data TO {LOGIN}", f"{LOGIN} is a member of pg_read_all_data"),
    ],
)
def test_each_way_to_undo_it_is_named_and_mended(server, damage, said):
    """One sentence names it, one call puts it right, and a second one finds nothing."""
    with server.connect() as admin:
        server_guard.mend(admin)
        whole = server_guard.faults(admin)
        admin.execute(damage.encode())
        admin.commit()
        assert set(server_guard.faults(admin)) == {said, *whole}
        server_guard.mend(admin)
        assert server_guard.faults(admin) == whole


def test_an_administrator_that_owns_nothing_is_told_what_the_owner_has_to_say(server):
    """It fails at nothing, shuts what it can, and names the rest with the statement."""
    with server.connect() as admin:
        admin.autocommit = True
        server_guard.mend(admin)
        admin.execute("CREATE ROLE bystander LOGIN CREATEROLE CREATEDB PASSWORD 'bystander'")
        try:
            admin.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
            with Server(server.host, server.port, "bystander", "bystander", "disable").connect() as theirs:
                left = connect_rights.shut(theirs)
                assert [str(opening) for opening in left if opening.database == "postgres"] == [
                    "PUBLIC has CONNECT on the database postgres"
                ]
                (opening,) = [opening for opening in connect_rights.not_ours_to_shut(theirs) if opening.database == "postgres"]
                assert connect_rights.remedy([opening]) == f'as {server.user}: REVOKE CONNECT ON DATABASE "postgres" FROM PUBLIC'
        finally:
            server_guard.mend(admin)
            admin.execute("DROP ROLE bystander")


def test_nobody_makes_large_objects(server):
    """Each function that makes or writes one is taken from everybody, also in what is copied; its owner is a superuser."""
    with server.connect(DATABASE) as admin:
        login_limits.shut_large_objects(admin)
        assert not login_limits.large_objects_open(admin)
        admin.execute("GRANT EXECUTE ON FUNCTION lowrite(integer, bytea) TO PUBLIC")
        assert login_limits.large_objects_open(admin)
        login_limits.shut_large_objects(admin)
        admin.commit()
    with psycopg.connect(host=server.host, port=server.port, user=LOGIN, password="bounds", dbname=DATABASE, autocommit=True) as mine:
        for call in (
            "lo_creat(-1)",
            "lo_create(0)",
            r"lo_from_bytea(0, '\x00')",
            "lo_open(1, 131072)",
            r"lo_put(1, 0, '\x00')",
            "lo_unlink(1)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                mine.execute(f"SELECT {call}".encode())  # the test's own


def test_what_a_session_cannot_raise_and_what_it_can(server):
    """The limit of temporary files stays; the timeouts are defaults that a session may change for itself (PLANNING.md says so)."""
    with server.connect() as admin:
        server_guard.mend(admin)
    with psycopg.connect(host=server.host, port=server.port, user=LOGIN, password="bounds", dbname=DATABASE, autocommit=True) as mine:
        assert mine.execute("SHOW temp_file_limit").fetchone() == ("2GB",)
        assert mine.execute("SHOW statement_timeout").fetchone() == ("1min",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            mine.execute("SET temp_file_limit = -1")
        mine.execute("SET statement_timeout = 0")
