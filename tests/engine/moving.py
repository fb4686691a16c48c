"""For the tests of moves: an application that writes without a pause, and the rows at each place."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import psycopg

from tenantry import naming

TABLES = ("users", "user_settings", "documents")


class Application(threading.Thread):
    """Writes as the tenant's application does: it looks its tenant up in the registry when a connection fails, and writes again.

    ``written`` are the numbers whose transaction was confirmed, ``unclear`` those whose confirmation was lost.
    """

    def __init__(self, sandbox: Any, slug: str) -> None:
        super().__init__(daemon=True)
        self.sandbox, self.slug, self.id = sandbox, slug, naming.tenant_id(slug)
        self.written: list[int] = []
        self.unclear: list[int] = []
        self.refused: Counter[str] = Counter()
        self.fault: BaseException | None = None
        self._end = threading.Event()
        self._credentials: dict[str, str] = {}

    def begin(self) -> Application:
        with self.connect() as connection:
            connection.execute("INSERT INTO users (tenant_id, id, email, name) VALUES (%s, %s, 'w@w.example', 'W')", [self.id, self.id])
            connection.execute("INSERT INTO user_settings VALUES (%s, %s, 'count', '0')", [self.id, self.id])
        self.start()
        return self

    def end(self) -> None:
        self._end.set()
        self.join(timeout=60)
        assert self.fault is None, self.fault

    def connect(self) -> psycopg.Connection:
        with self.sandbox.sql(naming.CONTROL_DATABASE) as admin:
            database, schema, role, stack, server = admin.execute(
                "SELECT database, schema, app_role, stack, server FROM control.tenants WHERE id = %s", [self.id]
            ).fetchone()
        if role not in self._credentials:
            self._credentials = self.sandbox.outputs(stack)["credentials"]
        port = self.sandbox.port(server)
        connection = self.sandbox.sql(database, user=role, password=self._credentials.get(role, "-"), port=port)
        connection.execute("SELECT set_config('app.tenant_id', %s, false), set_config('search_path', %s, false)", [str(self.id), schema])
        connection.autocommit = False
        return connection

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.fault = error

    def _work(self) -> None:
        number, connection = 0, None
        while not self._end.is_set():
            committing = False
            try:
                if connection is None:
                    connection = self.connect()
                self._write(connection, number)
                committing = True
                connection.commit()
                self.written.append(number)
                number += 1
                # An application has pauses; without them it would be a load test.
                self._end.wait(0.004)
            except psycopg.Error as error:
                self.refused[type(error).__name__] += 1
                if committing:
                    self.unclear.append(number)
                    number += 1
                if connection is not None:
                    connection.close()
                connection = None
                self._credentials.clear()

    def _write(self, connection: psycopg.Connection, number: int) -> None:
        """No id of its own: a write that is done twice is there twice."""
        connection.execute("INSERT INTO documents (tenant_id, author_id, title) VALUES (%s, %s, %s)", [self.id, self.id, str(number)])
        connection.execute(
            "UPDATE user_settings SET setting_value = to_jsonb((setting_value #>> '{}')::int + 1) WHERE setting_key = 'count'"
        )
        if number % 5 == 4:
            connection.execute("DELETE FROM documents WHERE title = %s", [str(number - 4)])
        if number % 7 == 0:
            connection.execute("UPDATE users SET email = %s WHERE id = %s", [f"w{number}@w.example", self.id])

    def check(self) -> None:
        """Every confirmed write is there once, none twice, none that was deleted."""
        with self.connect() as connection:
            titles = Counter(row[0] for row in connection.execute("SELECT title FROM documents WHERE author_id = %s", [self.id]))
            count = connection.execute("SELECT (setting_value #>> '{}')::int FROM user_settings WHERE setting_key = 'count'").fetchone()[0]
        done = set(self.written)
        kept = {str(number) for number in done if number % 5 != 0 or number + 4 not in done}
        unclear = {str(number) for number in self.unclear} | {str(number - 4) for number in self.unclear}
        assert {title for title, n in titles.items() if n > 1} == set()
        assert kept - unclear <= titles.keys()
        assert titles.keys() <= kept | unclear
        assert len(done) <= count <= len(done) + len(self.unclear)


def fill(sandbox: Any, slug: str, rows: int) -> None:
    """A user and so many documents of some 100 bytes, written as the application."""
    tenant_id = naming.tenant_id(slug)
    with sandbox.as_tenant(slug) as connection:
        author = connection.execute(
            "INSERT INTO users (tenant_id, email, name) VALUES (%s, 'fill@f.example', 'F') RETURNING id", [tenant_id]
        ).fetchone()[0]
        connection.execute(
            "INSERT INTO documents (tenant_id, author_id, title, body)"
            " SELECT %s, %s, 'f' || n, repeat(md5(n::text), 3) FROM generate_series(1, %s) n",
            [tenant_id, author, rows],
        )


def contents(sandbox: Any, slug: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the tenant where the registry says that it lives, as its application sees them."""
    with sandbox.as_tenant(slug) as connection:
        return {table: connection.execute(f"SELECT t.* FROM {table} t ORDER BY 1, 2, 3").fetchall() for table in TABLES}


def home(sandbox: Any, slug: str) -> tuple[str, str, str]:
    """Isolation, cell and stack in the registry."""
    with sandbox.sql(naming.CONTROL_DATABASE) as admin:
        return admin.execute("SELECT isolation, cell, stack FROM control.tenants WHERE slug = %s", [slug]).fetchone()


def places_with_rows(sandbox: Any, slug: str) -> set[str]:
    """Every place on the platform's server that holds rows of the tenant."""
    tenant_id, found = naming.tenant_id(slug), set()
    with sandbox.sql() as admin:
        databases = [row[0] for row in admin.execute("SELECT datname FROM pg_database WHERE datname ~ '^(cell|t)_'")]
    for database in databases:
        with sandbox.sql(database) as admin:
            tables = admin.execute(
                "SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'users' AND relkind = 'r'"
            ).fetchall()
            for (schema,) in tables:
                if admin.execute(f'SELECT 1 FROM "{schema}".users WHERE tenant_id = %s LIMIT 1', [tenant_id]).fetchone():
                    found.add(f"{database}.{schema}")
    return found


def turnstiles(sandbox: Any) -> list[str]:
    """Schemas of turnstiles that are left anywhere."""
    with sandbox.sql() as admin:
        databases = [row[0] for row in admin.execute("SELECT datname FROM pg_database WHERE datname ~ '^(cell|t)_'")]
    found = []
    for database in databases:
        with sandbox.sql(database) as admin:
            found += [f"{database}.{row[0]}" for row in admin.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'm\\_%'")]
    return found
