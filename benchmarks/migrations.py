"""A fleet of 1,000 schemas: a look at it, a migration of it, and a new tenant's database from the template.

Everything runs in a private local cloud that is removed afterwards, driven by the command line as people drive it. The migration's
yardstick is the same SQL, version row included, in a plain psycopg loop over the same schemas: one connection, a transaction each, no lock
timeout, nothing recorded, no policy looked at.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from statistics import median
from typing import Any

from psycopg import sql

from benchmarks import private
from benchmarks.fleet import Fleet
from components.resources.store import StoreProvider
from local.env import process_environment
from local.home import CLONE
from tenantry import naming
from tenantry.postgres import revisions, template
from tenantry.settings import migrations_dir

SCHEMAS = 1000
MIGRATION = """
ALTER TABLE users ADD COLUMN {name} text;
CREATE TABLE {name}_notes (
    tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), author_id uuid NOT NULL, note text NOT NULL,
    PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, author_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX {name}_notes_author ON {name}_notes (tenant_id, author_id);
"""
COLUMN = "ALTER TABLE users ADD COLUMN {name} text;"
PYTHON = """from tenantry.migration import run_sql_beside

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    run_sql_beside(__file__)
"""


def measure(runs: int, say: Callable[[str], None], schemas: int = SCHEMAS) -> dict[str, Any]:
    """All figures: name → {a, b, ratio, aim} in seconds."""
    with private.cloud(say) as (root, home), ExitStack() as after:
        after.callback(_forget)
        shutil.copytree(CLONE / "migrations", root / "migrations")
        os.environ["TENANTRY_MIGRATIONS"] = str(root / "migrations")
        bench = Bench(Fleet(), {**process_environment(home), "PYTHONPATH": str(CLONE)})
        say(f"{schemas} schemas")
        bench.fleet.schemas([f"bench-{number:04}" for number in range(schemas)])
        bench.tenantry("--json")  # DBOS makes its tables
        return {
            "nothing to do": bench.nothing(runs, say),
            "a table, a column and an index": bench.migration(max(2, runs // 2), MIGRATION, say),
            "a column": bench.migration(max(2, runs // 2), COLUMN, say),
            "a database from the template": bench.copy(max(10, runs), say),
        }


class Bench:
    """A fleet and its command line."""

    def __init__(self, fleet: Fleet, environment: Mapping[str, str]) -> None:
        self.fleet, self.environment, self.revisions = fleet, environment, 0

    def nothing(self, runs: int, say: Callable[[str], None]) -> dict[str, Any]:
        """`tenantry migrate` over a fleet that is at the head, start of Python included."""
        say("nothing to do")
        return {"seconds": round(median(self.tenantry("--json") for _ in range(runs)), 2), "aim_seconds": 2}

    def migration(self, runs: int, text: str, say: Callable[[str], None]) -> dict[str, Any]:
        """The steps of the run, from the first one's begin to the last one's end, against the bare loop; each migrates all, in turns.

        Beside it the whole command: Python, DBOS and the journal cost the same for ten schemas as for ten thousand.
        """
        ours, work, bare = [], [], []
        for run in range(runs):
            say(f"{text.split(';')[0].strip().lower()}: {run + 1} of {runs}")
            self._add(text)
            ours.append(self.tenantry("--json"))
            work.append(self._seconds_of_the_last_run())
            self._add(text)
            bare.append(self._bare())
        command, a, b = median(ours), median(work), median(bare)
        return {"a_wall": round(a, 2), "b_wall": round(b, 2), "ratio": round(a / b, 2), "aim": 1.3, "command": round(command, 2),
                "load": round(os.getloadavg()[0], 1)}  # fmt: skip

    def copy(self, runs: int, say: Callable[[str], None]) -> dict[str, Any]:
        """CREATE DATABASE … TEMPLATE and the making of its store, against CREATE DATABASE … TEMPLATE; the engine is not in it."""
        say("databases from the template")
        template.ensure()
        ours, bare = [], []
        with self.fleet.connect("postgres") as admin:
            for run in range(runs):
                slug = f"copy-{run:03}"
                owner, app = naming.tenant_owner(slug), naming.tenant_app(slug)
                self.fleet._roles([owner], login=False)
                self.fleet._roles([app], login=True)
                create = "CREATE DATABASE {} TEMPLATE {} OWNER {}"
                names = [sql.Identifier(name) for name in (naming.tenant_database(slug), naming.TEMPLATE_DATABASE, owner)]
                started = time.monotonic()
                admin.execute(sql.SQL(create).format(sql.Identifier(f"bare_{run}"), *names[1:]))
                bare.append(time.monotonic() - started)
                started = time.monotonic()
                admin.execute(sql.SQL(create).format(*names))
                StoreProvider().create(
                    {"tree": "tenant", "server": None, "database": naming.tenant_database(slug), "schema": naming.TENANT_SCHEMA,
                     "owner": owner, "app_role": app, "tenant_id": str(naming.tenant_id(slug)), "login": True,
                     "revision": revisions.head("tenant")}
                )  # fmt: skip
                ours.append(time.monotonic() - started)
        a, b = median(ours), median(bare)
        return {"a_wall": round(a, 3), "b_wall": round(b, 3), "ratio": round(a / b, 2), "aim": 1.5}

    def tenantry(self, *arguments: str) -> float:
        """Wall seconds of `tenantry migrate …`; it must succeed."""
        command = [sys.executable, "-c", "from tenantry.cli import main; main()", "migrate", *arguments]
        started = time.monotonic()
        done = subprocess.run(command, env=self.environment, cwd=CLONE, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"tenantry migrate failed\n{done.stdout}\n{done.stderr}")
        return time.monotonic() - started

    def _add(self, text: str) -> None:
        before = revisions.head("tenant")
        revision = f"{int(before) + 1:04}"
        file = migrations_dir() / "tenant" / f"{revision}_bench.py"
        file.write_text(PYTHON.format(revision=revision, before=before))
        file.with_suffix(".sql").write_text(text.format(name=f"c{revision}"))
        _forget()

    def _bare(self) -> float:
        before, head = revisions.revisions("tenant")[-2:]
        script = revisions.rendered("tenant", before, head)
        owner = sql.Identifier(naming.cell_owner("main"))
        with self.fleet.server.connect(naming.cell_database("main")) as connection:
            rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_bench%%' ORDER BY 1").fetchall()
            connection.commit()
            connection.prepare_threshold = None
            started = time.monotonic()
            for (schema,) in rows:
                with connection.transaction():
                    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(owner))
                    connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
                    connection.execute(str(script).encode())
            return time.monotonic() - started

    def _seconds_of_the_last_run(self) -> float:
        with self.fleet.connect(naming.CONTROL_DATABASE) as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM max(finished_at) - min(started_at))::float FROM control.run_steps WHERE run_id ="
                " (SELECT id FROM control.runs WHERE kind = 'migrate' ORDER BY requested_at DESC LIMIT 1)"
            ).fetchone()
        return float(row[0]) if row else 0.0


def _forget() -> None:
    revisions.files.cache_clear()
    revisions.rendered.cache_clear()


if __name__ == "__main__":
    import json

    print(json.dumps(measure(5, lambda line: print(line, file=sys.stderr, flush=True)), indent=2))
