"""Backups of one tenant against PostgreSQL's own programs, in the same run: rls ÷ COPY, database ÷ pg_dump, and memory at two sizes.

Everything runs in a private local cloud that is removed afterwards. Each ratio is of medians of runs done in turns, A B A B …. What a
backup does more is in its time: checksums, zstd, age, S3 (an emulator on the same machine), the registry's rows, the signed manifest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from psycopg import sql

from local.cloud.cloud import Cloud
from local.env import UNSET, environment
from local.home import CLONE, Home
from tenantry import naming
from tenantry.clients import aws, objects
from tenantry.control import backups, keys, registry
from tenantry.operations import backup
from tenantry.postgres import migrations, pgtools
from tenantry.postgres.server import Server, acting_as
from tenantry.stores.tenant_store import TenantStore

ROWS = 1_000_000
"""Documents of the tenant that is measured; as many again, of others, are in the shared tables."""
TABLES = ("users", "user_settings", "documents")
# Not getrusage: its figure outlives an exec, and would be this process's.
MEASURE_MEMORY = (
    "import sys\n"
    "from tenantry.operations import backup\n"
    "backup.create(sys.argv[1])\n"
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)


class Nowhere(objects.Upload):
    """An upload that is hashed and forgotten: what a backup costs without the S3 emulator, which takes its time from the same cores."""

    def _send(self) -> None:
        self._buffer = bytearray()

    def close(self) -> None:
        self._pool.shutdown()


class Bench:
    """A control database, a cell and tenants with rows, made without the engine."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.root = Path(tempfile.mkdtemp(prefix="tenantry-bench-"))
        self.cloud = Cloud(Home(self.root / "local"))

    def make(self) -> None:
        self.cloud.up()
        for name in UNSET:
            os.environ.pop(name, None)
        os.environ.update(environment(self.cloud.home))
        aws.client.cache_clear()
        keys._keys.cache_clear()
        control, cell = naming.CONTROL_DATABASE, naming.cell_database("main")
        self._database(control, naming.CONTROL_OWNER, naming.CONTROL_APP, naming.CONTROL_SCHEMA, "control", "", naming.CONTROL_OWNER)
        self._database(cell, naming.cell_owner("main"), naming.cell_app("main"), naming.SHARED_SCHEMA, "tenant", "", "")
        for bucket in (naming.bucket("tenantry-dev", "main"), backups.bucket()):
            aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def tenant(self, slug: str, isolation: str, rows: int) -> TenantStore:
        """A tenant with that many documents."""
        database, schema, role = naming.cell_database("main"), naming.SHARED_SCHEMA, naming.cell_app("main")
        if isolation == "database":
            database, schema, role = naming.tenant_database(slug), naming.TENANT_SCHEMA, naming.tenant_app(slug)
            self._database(database, naming.tenant_owner(slug), role, schema, "tenant", str(naming.tenant_id(slug)), "")
        row = {
            "name": slug, "tier": "starter", "isolation": isolation, "cell": "main", "stack": "shared", "state": "active",
            "host": f"{slug}.tenantry.example", "server": None, "database": database, "schema": schema, "app_role": role,
            "bucket": naming.bucket("tenantry-dev", "main"), "prefix": naming.object_prefix(slug), "limits": {}, "labels": {},
        }  # fmt: skip
        registry.record(str(naming.tenant_id(slug)), slug, row, [], {"name": "Ada", "email": f"ada@{slug}.example"})
        store = TenantStore.of(slug)
        with Server.from_environment().connect(database) as connection:
            connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
            connection.execute(
                "INSERT INTO users SELECT %s, gen_random_uuid(), g || '@x.example', 'User ' || g FROM generate_series(1, 1000) g",
                [store.id],
            )
            connection.execute(
                "INSERT INTO documents SELECT u.tenant_id, gen_random_uuid(), u.id, 'T ' || g, repeat(md5(g::text) || ' ', 1 + g %% 10),"
                " now()"
                " FROM generate_series(1, %s) g JOIN (SELECT *, row_number() OVER () n FROM users WHERE tenant_id = %s) u"
                " ON u.n = 1 + g %% 1000",
                [rows, store.id],
            )
        with Server.from_environment().connect(database) as connection:
            connection.autocommit = True
            connection.execute("VACUUM (ANALYZE)")
        return store

    def _database(self, database: str, owner: str, app: str, schema: str, tree: Any, tenant_id: str, platform: str) -> None:
        with Server.from_environment().connect() as admin:
            admin.autocommit = True
            for role, word in ((owner, "NOLOGIN"), (app, "LOGIN")):
                admin.execute(sql.SQL("CREATE ROLE {} " + word).format(sql.Identifier(role)))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner)))
        with Server.from_environment().connect(database) as connection:
            with acting_as(connection, owner):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
            migrations.apply(connection, tree, schema, owner=owner, app_role=app, tenant_id=tenant_id, platform_role=platform)

    def program(self, store: TenantStore, *command: str) -> float:
        """Seconds of one of PostgreSQL's programs that writes into a file."""
        server = Server.from_environment()
        started = time.monotonic()
        with (self.root / "out").open("wb") as out:
            path = pgtools.program(command[0], 18)
            subprocess.run([path, *command[1:]], env=pgtools.environment(server, store.database), stdout=out, check=True)
        return time.monotonic() - started

    def copy(self, store: TenantStore) -> float:
        """Seconds of `COPY (SELECT … WHERE tenant_id …) TO STDOUT` over the tenant's tables."""
        statements = [
            f"--command=COPY (SELECT * FROM {store.schema}.{table} WHERE tenant_id = '{store.id}') TO STDOUT"  # noqa: S608
            for table in TABLES
        ]
        return self.program(store, "psql", "--no-psqlrc", "--quiet", *statements)

    def memory(self, store: TenantStore) -> int:
        """Most memory that a process took that did nothing but one backup, in bytes."""
        done = subprocess.run(
            [sys.executable, "-c", MEASURE_MEMORY, store.slug], cwd=CLONE, env={**os.environ, "PYTHONPATH": str(CLONE)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return int(done.stdout) * 1024

    def end(self) -> None:
        self.cloud.reset()
        shutil.rmtree(self.root, ignore_errors=True)


def in_turns(runs: int, *measured: Callable[[], float]) -> list[float]:
    """The median of each, done in turns."""
    seconds: list[list[float]] = [[] for _ in measured]
    for _ in range(runs):
        for one, times in zip(measured, seconds, strict=True):
            times.append(one())
    return [median(times) for times in seconds]


def measure(runs: int = 5, say: Callable[[str], None] = lambda line: None, rows: int = ROWS) -> dict[str, Any]:
    """The figures: seconds, ratios and bytes."""
    bench = Bench(say)
    try:
        bench.make()
        say(f"backups: writing {rows} rows for each of three tenants")
        bench.tenant("bench-other", "rls", rows)
        pooled, own = bench.tenant("bench-rls", "rls", rows), bench.tenant("bench-db", "database", rows)
        small, smaller = bench.tenant("bench-small", "database", rows // 10), bench.tenant("bench-few", "rls", rows // 10)

        def taken(store: TenantStore, upload: type[objects.Upload] = objects.Upload) -> Callable[[], float]:
            def take() -> float:
                with mock.patch.object(objects, "Upload", upload):
                    done = backup.create(store.slug)
                sizes[store.slug] = done.bytes
                entry = backups.find(done.id)
                objects.erase(entry.bucket, entry.prefix)
                return done.seconds

            return take

        sizes: dict[str, int] = {}
        taken(smaller)()  # what is loaded once is not counted
        say("backups: rls ÷ COPY")
        copied, rls, rls_bare = in_turns(runs, lambda: bench.copy(pooled), taken(pooled), taken(pooled, Nowhere))
        copied_bytes = (bench.root / "out").stat().st_size
        say("backups: database ÷ pg_dump")
        dumped, plain, database, database_bare = in_turns(
            runs,
            lambda: bench.program(own, "pg_dump", "--format=custom"),
            lambda: bench.program(own, "pg_dump", "--format=custom", "--compress=0"),
            taken(own),
            taken(own, Nowhere),
        )
        say("backups: memory at two sizes")
        return {
            "rows": rows,
            "rls to COPY": {
                "a_wall": rls, "b_wall": copied, "ratio": rls / copied, "aim": 1.5, "ratio_without_s3": rls_bare / copied,
                "a_bytes": sizes[pooled.slug], "b_bytes": copied_bytes,
            },
            "database to pg_dump -Fc": {
                "a_wall": database, "b_wall": dumped, "ratio": database / dumped, "aim": 1.2, "ratio_without_s3": database_bare / dumped,
                "ratio_to_uncompressed": database / plain, "a_bytes": sizes[own.slug],
            },
            "memory": {
                "rls": {str(rows // 10): bench.memory(smaller), str(rows): bench.memory(pooled)},
                "database": {str(rows // 10): bench.memory(small), str(rows): bench.memory(own)},
            },
        }  # fmt: skip
    finally:
        bench.end()
