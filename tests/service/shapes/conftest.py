"""A platform whose tenant tables have every shape in zoo.sql, in three models: stores that are filled, and empty ones."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tenantry.postgres import revisions, sequences, tables
from tenantry.postgres.server import Server
from tenantry.settings import migrations_dir
from tenantry.stores.tenant_store import TenantStore
from tests.revisions import BESIDE, refer
from tests.service.backup.conftest import Platform, started
from tests.service.backup.test_restore import inline  # noqa: F401  # a fixture
from tests.service.shapes.generated import shapes
from tests.service.shapes.listed import listed
from tests.volume import volume

MODELS = ("rls", "schema", "database")
GENERATED = list(shapes(volume(8, 60)))
LISTED = list(listed().values())
ZOO = Path(__file__).with_name("zoo.sql").read_text(encoding="utf-8") + "".join(shape.create for shape in LISTED + GENERATED)

FILL = [
    """INSERT INTO "OrderItems" (tenant_id, "user", "order", "Ünïcode ✓", amount, tags, grid, payload, raw, blob, real8, span, during,
        spans, addr, t, bits, flag)
    SELECT {tid}, 'u' || g, g, E'tab\\there\\nnl \\\\N back\\\\slash "q" ☃', g * 1.1, ARRAY['a,b', NULL, '{{x}}', ''],
        '{{{{1,2}},{{3,4}}}}', jsonb_build_object('a', 1.10, 'n', NULL, 'big', 12345678901234567890),
        '{{"a":1, "a" : 2 }}', decode('00ff0a5c', 'hex'), 'Infinity',
        '1 mon -2 days 03:04:05.678901', '[2020-01-01,)', '{{[1,3),[5,9)}}', '10.1.2.3/8', '23:59:60+05:30', B'10101', 'z'
    FROM generate_series(1, 12) g""",
    "INSERT INTO invoices (tenant_id, note) SELECT {tid}, 'i' || g FROM generate_series(1, 9) g",
    "INSERT INTO tickets (tenant_id, note) SELECT {tid}, 't' || g FROM generate_series(1, 8) g",
    "INSERT INTO counters (tenant_id, note) SELECT {tid}, 'c' || g FROM generate_series(1, 7) g",
    """INSERT INTO "Select" (tenant_id, label) VALUES ({tid}, 'root')""",
    """INSERT INTO "Select" (tenant_id, parent, item, label) SELECT {tid}, s.id, (SELECT min(id) FROM "OrderItems"), 'kid ' || g
    FROM "Select" s, generate_series(1, 3) g WHERE parent IS NULL""",
    "INSERT INTO teams (tenant_id) SELECT {tid} FROM generate_series(1, 2)",
    "INSERT INTO members (tenant_id, team) SELECT {tid}, t.id FROM teams t, generate_series(1, 2)",
    "UPDATE teams t SET lead = (SELECT id FROM members m WHERE m.team = t.id LIMIT 1)",
    """WITH e AS (INSERT INTO eggs SELECT {tid}, md5('e' || g)::uuid, md5('h' || g)::uuid FROM generate_series(1, 4) g)
    INSERT INTO hens SELECT {tid}, md5('h' || g)::uuid, md5('e' || g)::uuid FROM generate_series(1, 4) g""",
    "INSERT INTO events (tenant_id, at, what) SELECT {tid}, DATE '2025-06-01' + g * 30, 'e' || g FROM generate_series(0, 40) g",
    "INSERT INTO visits (tenant_id, kind) SELECT {tid}, (ARRAY['web', 'web', 'mail', 'phone'])[1 + g % 4] FROM generate_series(1, 20) g",
    "INSERT INTO animals (tenant_id, name) SELECT {tid}, 'a' || g FROM generate_series(1, 5) g",
    "INSERT INTO cats (tenant_id, name) SELECT {tid}, 'c' || g FROM generate_series(1, 3) g",
    "INSERT INTO no_key SELECT {tid}, 'l' || (g % 3) FROM generate_series(1, 6) g",
    "INSERT INTO boxes SELECT {tid}, ARRAY['p,' || g, NULL], int4range(g, g + 5) FROM generate_series(1, 4) g",
    "INSERT INTO moods SELECT {tid}, (ARRAY['glad', 'sad'])[1 + g % 2]::mood, DATE '2025-01-01' + g, '{{glad,sad}}'"
    " FROM generate_series(1, 6) g",
    'INSERT INTO "a table whose name is as long as PostgreSQL lets a name be: one" VALUES ({tid}, 1)',
    'INSERT INTO "a table whose name is as long as PostgreSQL lets a name be: two" VALUES ({tid}, 2)',
    "INSERT INTO notes (tenant_id, body) SELECT {tid}, 'n' || g FROM generate_series(1, 5) g",
    "UPDATE notes SET body = body || '!' WHERE body <> 'n1'",
    "INSERT INTO users (tenant_id, email, name) SELECT {tid}, 'p' || g || '@x.example', 'P ' || g FROM generate_series(1, 5) g",
    "INSERT INTO documents (tenant_id, author_id, title) SELECT {tid}, id, 'T ' || email FROM users",
    *(shape.fill for shape in LISTED + GENERATED if shape.fill),
]

# What an application does while a move is under way: each kind of write to each shape, often enough to be done again and again.
WRITES = [
    """INSERT INTO "OrderItems" (tenant_id, "user", "order") VALUES ({tid}, 'w' || {n}, {n})""",
    """UPDATE "OrderItems" SET amount = {n} WHERE id = (SELECT min(id) FROM "OrderItems")""",
    "INSERT INTO invoices (tenant_id, note) VALUES ({tid}, 'w' || {n})",
    "UPDATE tickets SET note = 'w' || {n} WHERE number = (SELECT min(number) FROM tickets)",
    "INSERT INTO tickets (tenant_id, note) VALUES ({tid}, 'w' || {n})",
    "INSERT INTO counters (tenant_id, note) VALUES ({tid}, 'w' || {n})",
    "UPDATE counters SET note = 'x' || {n}",
    """INSERT INTO "Select" (tenant_id, parent, label) SELECT {tid}, id, 'w' FROM "Select" WHERE parent IS NULL LIMIT 1""",
    "WITH t AS (INSERT INTO teams (tenant_id) VALUES ({tid}) RETURNING id) INSERT INTO members (tenant_id, team) SELECT {tid}, id FROM t",
    "UPDATE teams t SET lead = (SELECT id FROM members m WHERE m.team = t.id LIMIT 1) WHERE lead IS NULL",
    """WITH e AS (INSERT INTO eggs SELECT {tid}, md5('we' || {n})::uuid, md5('wh' || {n})::uuid)
    INSERT INTO hens SELECT {tid}, md5('wh' || {n})::uuid, md5('we' || {n})::uuid""",
    "INSERT INTO events (tenant_id, at, what) SELECT {tid}, DATE '2025-03-01' + {n} % 900, 'w' || {n}",
    "UPDATE events SET at = at + 400, what = 'moved' WHERE id = (SELECT id FROM events WHERE what <> 'moved' ORDER BY at LIMIT 1)",
    "DELETE FROM events WHERE id = (SELECT id FROM events WHERE what = 'moved' LIMIT 1)",
    "INSERT INTO visits (tenant_id, kind) SELECT {tid}, (ARRAY['web', 'mail'])[1 + {n} % 2]",
    "UPDATE visits SET kind = 'web' WHERE number = (SELECT number FROM visits WHERE kind = 'mail' LIMIT 1)",
    "INSERT INTO animals (tenant_id, name) VALUES ({tid}, 'w' || {n})",
    "UPDATE animals SET name = name || '.' WHERE name = (SELECT min(name) FROM ONLY animals)",
    "INSERT INTO cats (tenant_id, name) VALUES ({tid}, 'wc' || {n})",
    "UPDATE cats SET lives = lives - 1",
    "INSERT INTO boxes SELECT {tid}, ARRAY['w', '{{' || {n}], int4range(1, {n} + 2)",
    "INSERT INTO moods VALUES ({tid}, 'sad', DATE '2026-01-01' + {n})",
    "UPDATE moods SET mood = 'glad', moods = NULL WHERE day = (SELECT min(day) FROM moods WHERE mood = 'sad')",
    'INSERT INTO "a table whose name is as long as PostgreSQL lets a name be: one" VALUES ({tid}, 10 + {n})',
    'INSERT INTO "a table whose name is as long as PostgreSQL lets a name be: two" VALUES ({tid}, 20 + {n})',
    "INSERT INTO notes (tenant_id, body) VALUES ({tid}, 'w' || {n})",
    "UPDATE notes SET body = 'u' || {n} WHERE id = (SELECT id FROM notes LIMIT 1)",
    "DELETE FROM notes WHERE id = (SELECT id FROM notes WHERE body LIKE 'n%' LIMIT 1)",
    *(write for shape in LISTED + GENERATED for write in shape.writes),
]
"""Without ``no_key``: what is written to a table without a key has everything copied anew, which hides how single changes are followed."""

NUMBERED = {
    "OrderItems": "id", "invoices": "id", "tickets": "number", "counters": "odd", "visits": "number",
}  # fmt: skip
INSERTS = {
    "OrderItems": """INSERT INTO "OrderItems" (tenant_id) VALUES ({tid})""",
    "invoices": "INSERT INTO invoices (tenant_id) VALUES ({tid})",
    "tickets": "INSERT INTO tickets (tenant_id) VALUES ({tid})",
    "counters": "INSERT INTO counters (tenant_id) VALUES ({tid})",
    "visits": "INSERT INTO visits (tenant_id, kind) SELECT {tid}, unnest('{{web,mail,web}}'::text[])",
}


class Zoo:
    """The stores of the zoo, and what tests ask of them."""

    def __init__(self, platform: Platform, root: Path) -> None:
        self.platform, self.root = platform, root

    def revise(self, text: str) -> None:
        """One more revision, which no store has yet."""
        known = revisions.revisions("tenant")
        file = self.root / "tenant" / f"{len(known) + 1:04}_more.py"
        file.write_text(BESIDE.format(revision=f"{len(known) + 1:04}", before=known[-1]), encoding="utf-8")
        file.with_suffix(".sql").write_text(text, encoding="utf-8")
        _forget()

    def filled(self, slug: str, model: str) -> TenantStore:
        store = self.platform.tenant(slug, model, empty=True)
        self.run(store, *FILL)
        return store

    def empty(self, slug: str, model: str) -> TenantStore:
        return self.platform.tenant(slug, model, empty=True)

    def run(self, store: TenantStore, *statements: str, number: int = 0, owner: bool = False) -> None:
        """Done as the application's role, in the tenant's context."""
        with store.acting(store.owner if owner else store.app_role) as connection:
            for statement in statements:
                connection.execute(statement.format(tid=f"'{store.id}'::uuid", n=number))

    def image(self, store: TenantStore, without: str = "") -> dict[str, list[str]]:
        """Every row by table, found without the code under test: a superuser sees all of them, whatever a policy says.

        ``without`` a column that only later revisions have.
        """
        found = {}
        with Server.from_environment().connect(store.database) as connection:
            names = connection.execute(
                "SELECT c.relname, c.relkind = 'p' FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
                " WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1",
                [sql.Identifier(store.schema).as_string()],
            ).fetchall()
            for name, partitioned in names:
                rows = connection.execute(
                    sql.SQL("SELECT (to_jsonb(a_row) - 'tenant_id' - %s)::text FROM {} {} a_row WHERE tenant_id = %s ORDER BY 1").format(
                        sql.SQL("" if partitioned else "ONLY"), sql.Identifier(store.schema, name)
                    ),
                    [without, store.id],
                )
                found[name] = [row[0] for row in rows]
        return found

    def check_numbers(self, store: TenantStore) -> None:
        """Every table gives out a number that none of its rows has; nothing of it stays."""
        with store.acting(store.owner) as connection, connection.transaction(force_rollback=True):
            sequences.require_ahead(connection, store.schema)
            for table, column in NUMBERED.items():
                query = sql.SQL("SELECT max({}) FROM {}").format(sql.Identifier(column), sql.Identifier(table))
                before = connection.execute(query).fetchone()
                connection.execute(INSERTS[table].format(tid=f"'{store.id}'::uuid"))
                after = connection.execute(query).fetchone()
                assert before is not None
                assert after is not None
                assert before[0] is None or after[0] > before[0], table

    def shape(self, store: TenantStore) -> list[Any]:
        """Indexes, constraints, triggers and comments of the store, as the catalog has them."""
        with store.acting(store.owner, read_only=True) as connection:
            return connection.execute(
                """
                SELECT 'index', indexname::text, replace(indexdef, current_schema() || '.', ''), NULL
                FROM pg_indexes WHERE schemaname = current_schema()
                UNION ALL SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint')
                FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
                UNION ALL SELECT tgrelid::regclass::text, tgname::text, tgenabled::text, NULL
                FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
                WHERE c.relnamespace = current_schema()::regnamespace AND NOT tgisinternal
                UNION ALL SELECT 'table', relname::text, relforcerowsecurity::text, NULL FROM pg_class
                WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
                ORDER BY 1, 2, 3
                """
            ).fetchall()

    def groups(self, store: TenantStore) -> list[tables.Group]:
        with store.acting(store.owner) as connection:
            return tables.groups(connection, store.schema)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    """A platform of the module's own, whose migrations end with zoo.sql."""
    root = tmp_path_factory.mktemp("zoo") / "migrations"
    shutil.copytree(migrations_dir(), root, ignore=shutil.ignore_patterns("__pycache__"))
    known = revisions.revisions("tenant")
    file = root / "tenant" / f"{len(known) + 1:04}_zoo.py"
    file.write_text(BESIDE.format(revision=f"{len(known) + 1:04}", before=known[-1]), encoding="utf-8")
    file.with_suffix(".sql").write_text(ZOO, encoding="utf-8")
    refer(root, "currencies")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENANTRY_MIGRATIONS", str(root))
        _forget()
        with started(stay=True) as (platform, _):
            yield Zoo(platform, root)
    _forget()


def _forget() -> None:
    revisions.files.cache_clear()
    revisions.rendered.cache_clear()


def role(store: TenantStore, name: str) -> None:
    """A login role, as the engine would have made it."""
    with Server.from_environment().connect() as admin:
        admin.autocommit = True
        try:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'test'").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateObject:
            return
