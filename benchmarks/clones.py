"""An anonymised clone of 1,000,000 rows against `pg_dump | psql` of the same rows, in turns on the same servers.

Both begin with the tenant and its empty place there: the clone's tables with their indexes as the engine makes them, psql's new database.
Each runs as a process of its own; seconds are wall time, megabytes the process's largest resident set.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks import private
from local.cloud.postgres import binaries

ROWS = 1_000_000
AIM = 1.5

FILE = """\
name: Bench {slug}
tier: {tier}
isolation: {model}
admin: {{name: Ada Byron, email: ada@{slug}.example}}
branding: {{app_name: Bench}}
"""

# Of ten rows one is a user, two are settings, seven documents.
FILL = """
INSERT INTO users (tenant_id, email, name)
    SELECT %(id)s, format('user.%%s@customer.example', n), format('Given%%s Family%%s', n %% 97, n) FROM generate_series(1, %(users)s) n;
INSERT INTO user_settings
    SELECT tenant_id, id, key, jsonb_build_object('colour', 'dark blue', 'size', 12, 'note', name)
    FROM users, unnest(ARRAY['look', 'mail']) key WHERE tenant_id = %(id)s;
INSERT INTO documents (tenant_id, author_id, title, body)
    SELECT tenant_id, id, format('Minutes of meeting %%s with %%s', n, name), repeat('What was said there is nobody''s business. ', 1 + n)
    FROM users, generate_series(1, 7) n WHERE tenant_id = %(id)s;
"""

COPY = """
import json, resource, sys, time
from tenantry.stores.tenant_store import TenantStore
from tenantry.operations.clone import classification, fill, plan
from tenantry.operations.clone.key import Key
began = time.monotonic()
source, target = (TenantStore.of(slug) for slug in sys.argv[1:3])
made = plan.make(fill.shape(source), classification.read())
counts = fill.fill(source, target, made, Key.of(source.slug, "bench"), lambda line: None)
seconds = time.monotonic() - began
print(json.dumps([seconds, sum(counts.values()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))
"""


class Bench(private.Platform):
    """A private platform with a source and a place for its clone in each of the models."""

    def __init__(self, root: Path, say: Callable[[str], None], models: list[str]) -> None:
        super().__init__(root, say)
        self.models = models
        for model in models:
            for slug in (f"from-{model}", f"to-{model}"):
                tier = "enterprise" if model in ("database", "instance") else "starter"
                (self.tenants / f"{slug}.yaml").write_text(FILE.format(slug=slug, model=model, tier=tier))

    def python(self, code: str, *arguments: str) -> str:
        return self.run([sys.executable, "-c", code, *arguments])

    def admin(self, database: str) -> psycopg.Connection:
        env = self.environment
        server = {"host": env["PGHOST"], "port": env["PGPORT"], "user": env["PGUSER"], "password": env["PGPASSWORD"]}
        return psycopg.connect(**server, dbname=database, autocommit=True)  # type: ignore[arg-type]  # every parameter of libpq's is text

    @contextmanager
    def _at(self, slug: str) -> Iterator[tuple[psycopg.Connection, Any]]:
        """A superuser's connection at the tenant's store, and the tenant's id."""
        with self.admin("tenantry") as connection:
            place = connection.execute("SELECT id, database, schema FROM control.tenants WHERE slug = %s", [slug]).fetchone()
        assert place is not None  # noqa: S101
        with self.admin(place[1]) as connection:
            connection.execute("SELECT set_config('search_path', %s, false)", [place[2]])
            yield connection, place[0]

    def fill(self, slug: str, rows: int) -> None:
        with self._at(slug) as (connection, tenant_id), psycopg.ClientCursor(connection) as cursor:
            cursor.execute("DELETE FROM users WHERE tenant_id = %s", [tenant_id])
            cursor.execute(FILL, {"id": tenant_id, "users": rows // 10})
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")

    def clone(self, model: str) -> tuple[float, int, int]:
        """Seconds, rows, megabytes."""
        if model == "rls":  # a store of its own is truncated, which takes no time
            with self._at(f"to-{model}") as (connection, tenant_id):
                connection.execute("DELETE FROM users WHERE tenant_id = %s", [tenant_id])
                connection.execute("VACUUM")
        seconds, rows, megabytes = json.loads(self.python(COPY, f"from-{model}", f"to-{model}"))
        self._checkpoint()
        return seconds, rows, megabytes

    def dump_and_load(self) -> float:
        """Seconds of `pg_dump | psql` of the database tenant's rows, into a new database."""
        with self.admin("postgres") as connection:
            connection.execute("DROP DATABASE IF EXISTS scratch")
            connection.execute("CREATE DATABASE scratch")
        tools = binaries()
        pipe = f"{tools}/pg_dump --no-owner --no-privileges t_from_database | {tools}/psql -q -v ON_ERROR_STOP=1 scratch > {os.devnull}"
        began = time.monotonic()
        self.run(["bash", "-o", "pipefail", "-c", pipe])
        seconds = time.monotonic() - began
        self._checkpoint()
        return seconds

    def _checkpoint(self) -> None:
        """What one run left to write is not the next one's."""
        with self.admin("postgres") as connection:
            connection.execute("CHECKPOINT")


def measure(
    runs: int = 3, say: Callable[[str], None] = lambda line: None, rows: int = ROWS, models: str = "database,rls"
) -> dict[str, Any]:
    """Medians: name → {a_wall, b_wall, ratio, aim, …}."""
    with Bench.running(say, models.split(",")) as bench:
        bench.run([sys.executable, "-c", "from tenantry.cli import main; main()", "up", "--all"])
        return _measure(bench, runs, rows)


def _measure(bench: Bench, runs: int, rows: int) -> dict[str, Any]:
    small = {}
    for model in bench.models:
        bench.fill(f"from-{model}", rows // 10)
        small[model] = bench.clone(model)[2]
        bench.say(f"{rows:,} rows into from-{model}")
        bench.fill(f"from-{model}", rows)
    bench.say(f"clones of {rows:,} rows against pg_dump | psql, {runs} times in turns")
    clones: dict[str, list[tuple[float, int, int]]] = {model: [] for model in bench.models}
    dumps = []
    for _ in range(runs):
        for model in bench.models:
            clones[model].append(bench.clone(model))
        dumps.append(bench.dump_and_load())
    figures = {}
    for model, timed in clones.items():
        wall = median(seconds for seconds, _, _ in timed)
        figures[f"clone_{model}_vs_pg_dump"] = {
            "rows": timed[0][1],
            "a_wall": round(wall, 2),
            "b_wall": round(median(dumps), 2),
            "ratio": round(wall / median(dumps), 2),
            "aim": AIM,
            "runs": [len(timed), len(dumps)],
            "megabytes": max(megabytes for _, _, megabytes in timed),
            "megabytes_of_a_tenth": small[model],
        }
    return figures
