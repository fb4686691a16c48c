"""What a signed row context costs: a query by key and a scan of 100,000 rows, under the signed policy and under the plain one.

    python -m benchmarks.row_context

One private PostgreSQL, the same rows in two schemas, one session each, in turns. A transaction is what an application does: BEGIN, the
context, the query, COMMIT; the making of the token is in it. Beside them, without an aim, what else was looked at: a role per
tenant, taken on by SET LOCAL ROLE.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import psutil
import psycopg
from psycopg import sql

from benchmarks import private
from benchmarks.fleet import Fleet
from tenantry import naming, tenant_token
from tenantry.clients import aws
from tenantry.postgres import migrations, row_context
from tenantry.postgres.server import Server
from tenantry.tenant_token import SigningKey

ROWS = 100_000
QUERIES = 2000
TENANT, NEIGHBOUR = naming.tenant_id("bench-one"), naming.tenant_id("bench-two")
KEY = "00000000-0000-4000-8000-000000000001"
BY_KEY, SCAN = f"SELECT title FROM documents WHERE id = '{KEY}'", "SELECT count(*), max(title) FROM documents"  # noqa: S608
PASSWORD = "benchmark"  # noqa: S105  # of a server that is removed
SECRET = "bench/tenantry/row-context/main"  # noqa: S105  # its name


def measure(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians in milliseconds: name → {a, b, ratio}."""
    with private.cloud(say):
        Fleet()
        say(f"{ROWS} rows and a neighbour's, three times")
        return _measure(_sides(), runs, say)


Enter = Callable[[psycopg.Connection], object]


def _sides() -> dict[str, tuple[psycopg.Connection, Enter]]:
    """A session of the application in each schema, and how it enters the tenant's context."""
    server, owner, app = Server.from_environment(), naming.cell_owner("main"), naming.cell_app("main")
    with server.connect(naming.cell_database("main")) as admin:
        admin.autocommit = True
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(app), sql.Literal(PASSWORD)))
        admin.execute(sql.SQL("CREATE ROLE bench_tenant NOLOGIN; GRANT bench_tenant TO {}").format(sql.Identifier(app)))
        for side in ("plain", "role", "signed"):
            if side == "signed":
                row_context.install(admin, SECRET, owner=owner, app_role=app)
                admin.execute("INSERT INTO tenantry_context.signed_tenants VALUES (%s, true)", [TENANT])
            admin.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(side), sql.Identifier(owner)))
            with server.connect(naming.cell_database("main")) as connection:
                migrations.apply(connection, "tenant", side, owner=owner, app_role=app)
            _fill(admin, side)
        _by_role(admin)
    key = SigningKey.from_secret(aws.find_secret(SECRET) or "")

    def signed(connection: psycopg.Connection) -> None:
        tenant_token.enter(connection, TENANT, key.token(TENANT))

    ways: dict[str, Enter] = {
        "plain": lambda connection: tenant_token.enter(connection, TENANT),
        "signed": signed,
        "role": lambda connection: connection.execute("SET LOCAL ROLE bench_tenant"),
    }
    return {side: (_session(server, app, side), enter) for side, enter in ways.items()}


def _fill(admin: psycopg.Connection, schema: str) -> None:
    admin.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
    # All three schemas stay in the server's buffers, or the order in which they are read decides.
    for tenant, rows in ((TENANT, ROWS), (NEIGHBOUR, ROWS // 10)):
        admin.execute("INSERT INTO users (tenant_id, id, email, name) VALUES (%s, %s, 'u@x.example', 'U')", [tenant, KEY])
        admin.execute(
            "INSERT INTO documents (tenant_id, id, author_id, title, body)"
            " SELECT %s, CASE g WHEN 1 THEN %s::uuid ELSE gen_random_uuid() END, %s, 'title ' || g, repeat('x', 20)"
            " FROM generate_series(1, %s) g",
            [tenant, KEY, KEY, rows],
        )
    admin.execute("VACUUM ANALYZE documents")


def _by_role(admin: psycopg.Connection) -> None:
    admin.execute("SET search_path = role")
    admin.execute("CREATE TABLE tenants (role name PRIMARY KEY, tenant_id uuid NOT NULL)")
    admin.execute("INSERT INTO tenants VALUES ('bench_tenant', %s)", [TENANT])
    admin.execute("GRANT USAGE ON SCHEMA role TO bench_tenant; GRANT SELECT ON tenants, documents TO bench_tenant")
    condition = "tenant_id = (SELECT tenant_id FROM role.tenants WHERE role = current_user)"
    admin.execute(f"ALTER POLICY tenant_isolation ON documents USING ({condition}) WITH CHECK ({condition})".encode())


def _session(server: Server, user: str, schema: str) -> psycopg.Connection:
    return psycopg.connect(
        host=server.host, port=server.port, user=user, password=PASSWORD, dbname=naming.cell_database("main"), autocommit=True,
        options=f"-c search_path={schema} -c max_parallel_workers_per_gather=0",
    )  # fmt: skip


def _measure(sides: dict[str, tuple[psycopg.Connection, Enter]], runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    times: dict[str, dict[str, list[Spent]]] = {name: {side: [] for side in sides} for name in ("query", "transaction", "scan")}
    for run in range(runs):
        say(f"{run + 1} of {runs}")
        for side, (connection, enter) in sorted(sides.items(), reverse=run % 2 == 1):
            with connection.transaction():
                enter(connection)
                connection.execute(SCAN)  # not counted
                work = partial(connection.execute, BY_KEY)
                times["query"][side].append(_each(connection, QUERIES, work))
                times["scan"][side].append(_each(connection, 10, partial(connection.execute, SCAN)))
            times["transaction"][side].append(_each(connection, QUERIES, partial(_transaction, connection, enter)))
    found: dict[str, Any] = {"load": round(os.getloadavg()[0], 1)}
    for label, name, aim in (
        ("a query by key", "query", 1.5),
        ("a transaction with a query by key", "transaction", 1.3),
        ("a scan of 100,000 rows", "scan", 1.1),
    ):
        wall, processor = (
            {side: round(median(spent[kind] for spent in all_) * 1000, 3) for side, all_ in times[name].items()} for kind in (0, 1)
        )
        found[label] = {
            "a_ms": wall["signed"], "b_ms": wall["plain"], "ratio": round(wall["signed"] / wall["plain"], 2), "aim": aim,
            "a_processor_ms": processor["signed"], "b_processor_ms": processor["plain"],
            "processor_ratio": round(processor["signed"] / processor["plain"], 2),
            "role_ms": wall["role"], "role_processor_ms": processor["role"],
        }  # fmt: skip
    return found


Spent = tuple[float, float]
"""Wall seconds, and processor seconds of this process and its session's in the server: those say something on a busy machine as well."""


def _each(connection: psycopg.Connection, count: int, work: Callable[[], object]) -> Spent:
    """The mean of one."""
    backend = psutil.Process(connection.info.backend_pid)

    def used() -> float:
        return sum(backend.cpu_times()[:2]) + time.process_time()

    began, before = time.perf_counter(), used()
    for _ in range(count):
        work()
    return (time.perf_counter() - began) / count, (used() - before) / count


def _transaction(connection: psycopg.Connection, enter: Enter) -> None:
    with connection.transaction():
        enter(connection)
        connection.execute(BY_KEY).fetchall()


if __name__ == "__main__":
    import json

    print(json.dumps(measure(5, lambda line: print(line, file=sys.stderr, flush=True)), indent=2))
