"""A tenant table with every kind of column that an application may have, filled with canaries: texts that must not cross into a clone."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.types.json import Json, Jsonb

from local.cloud.postgres import binaries
from tenantry.postgres import guards, migrations, tables
from tenantry.stores.tenant_store import TenantStore

EVERY_KIND = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN code AS text CHECK (length(value) < 60);
CREATE TABLE people (
    tenant_id  uuid NOT NULL,
    id         bigint GENERATED ALWAYS AS IDENTITY,
    manager    bigint,
    email      varchar(60) NOT NULL,
    nick       text NOT NULL,
    name       varchar(40) NOT NULL,
    company    text,
    phone      text,
    address    text,
    iban       char(24),
    reference  code,
    mood       mood NOT NULL DEFAULT 'glad',
    token      text,
    born       date,
    seen       timestamptz,
    stays      tstzrange,
    days       date[] NOT NULL DEFAULT '{}',
    notes      text,
    tags       text[],
    profile    jsonb,
    legacy     json,
    events     jsonb[],
    picture    bytea,
    digest     bytea,
    parts      bytea[],
    address_ip inet,
    points     integer,
    upper_nick text GENERATED ALWAYS AS (upper(nick)) STORED,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email),
    FOREIGN KEY (tenant_id, manager) REFERENCES people (tenant_id, id)
);
CREATE UNIQUE INDEX people_nick ON people (tenant_id, lower(nick));
CREATE TABLE letters (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    recipient varchar(60) NOT NULL,
    body      text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recipient) REFERENCES people (tenant_id, email) ON UPDATE CASCADE
);
CREATE TABLE sessions (tenant_id uuid NOT NULL, token text NOT NULL, PRIMARY KEY (tenant_id, token));
CREATE TABLE webhooks (tenant_id uuid NOT NULL, url text NOT NULL, secret text NOT NULL, PRIMARY KEY (tenant_id, url));
"""

CLASSIFICATION = """
tenant:
  users: {id: hash, email: fake email, name: fake name, created_at: shift}
  user_settings: {user_id: hash, setting_key: keep, setting_value: {scramble: {keys: [theme, size], keep: [size]}}}
  documents: {id: hash, author_id: hash, title: scramble, body: scramble, updated_at: shift}
  people:
    id: hash
    manager: hash
    email: fake email
    nick: fake first_name
    name: fake name
    company: fake company
    phone: fake phone
    address: fake address
    iban: scramble format
    reference: hash
    mood: keep
    token: null
    born: shift
    seen: shift
    stays: shift
    days: shift
    notes: scramble
    tags: scramble
    profile: {scramble: {keys: [since, tags, level], keep: [level]}}
    legacy: scramble
    events: scramble
    picture: null
    digest: hash
    parts: hash
    address_ip: null
    points: keep
  letters: {id: hash, recipient: fake email, body: scramble}
  sessions: drop
  webhooks: drop
control: {%s}
objects: [public/, brand]
"""

ROWS = 50
CANARIES = 500
"""Ten for each row of ``people``, with those of the other tables, objects and comments on top."""


def canary(number: int) -> str:
    """A text that nothing else contains: letters only, so that no case rule or cleaning changes it."""
    return "qzx" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:05}") + "wvk"


def canary_digits(number: int) -> str:
    return f"79913{number:05}70997"


def classification(folder: Path, control: str) -> Path:
    file = folder / "classification.yaml"
    file.write_text(CLASSIFICATION % control, encoding="utf-8")
    return file


def make_tables(store: TenantStore) -> None:
    """Puts the tables beside the application's, owned and guarded as those are."""
    with store.acting(store.owner) as connection:
        connection.execute(EVERY_KIND)
    with store.connected() as connection:
        own = "" if store.shared else str(store.id)
        migrations.apply(connection, "tenant", store.schema, owner=store.owner, app_role=store.app_role, tenant_id=own)
    with store.acting(store.owner) as connection:  # pg_dump reads the sequence; the application need not
        connection.execute(sql.SQL("GRANT SELECT ON SEQUENCE people_id_seq TO {}").format(sql.Identifier(store.app_role)))


def fill(store: TenantStore) -> list[bytes]:
    """Fills the tables with rows of canaries and gives the canaries, in every form in which a dump could show them."""
    numbers = iter(range(10_000))
    planted: list[str] = []

    def new() -> str:
        planted.append(canary(next(numbers)))
        return planted[-1]

    def digits() -> str:
        planted.append(canary_digits(next(numbers)))
        return planted[-1]

    with store.acting(store.app_role) as connection:
        for number in range(ROWS):
            email = f"{new()}@{new()}.example"
            connection.execute(
                """
                INSERT INTO people (tenant_id, id, manager, email, nick, name, company, phone, address, iban, reference, mood, token, born,
                                    seen, stays, days, notes, tags, profile, legacy, events, picture, digest, parts, address_ip, points)
                OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '1979-04-05', '2024-02-03 04:05:06+00',
                    '[2024-01-01, 2024-01-09)', '{2024-05-06, NULL, infinity}', %s, %s, %s, %s, %s, %s, %s, %s, '10.9.8.7', %s)
                """,
                [
                    store.id, 100 + number, 100 + number - 1 if number else None, email, new(), f"Ada {new()}", f"{new()} GmbH",
                    digits(), f"{new()} street 1\n{new()} town", f"DE{digits()}", new(), "sad" if number % 2 else "glad", new(),
                    f"long text: {new()}\n{new()} {'x' * 40_000 if number == 7 else ''}", [new(), None, "", new()],
                    Jsonb({"since": new(), new(): 1, "tags": [new(), {new(): int(digits()), "deep": {"deeper": [new(), None, True]}}],
                           "level": number, "empty": {}, "none": None, "list": []}),
                    Json([new(), {"a": new()}]), [Jsonb(new()), Jsonb({"b": [new()]})], new().encode(), new().encode(),
                    [new().encode(), None], number,
                ],
            )  # fmt: skip
            connection.execute("INSERT INTO letters (tenant_id, recipient, body) VALUES (%s, %s, %s)", [store.id, email, new()])
            connection.execute("INSERT INTO sessions VALUES (%s, %s)", [store.id, new()])
            connection.execute("INSERT INTO webhooks VALUES (%s, %s, %s)", [store.id, f"https://{new()}.example", new()])
            user = connection.execute(
                "INSERT INTO users (tenant_id, email, name) VALUES (%s, %s, %s) RETURNING id", [store.id, f"{new()}@b.example", new()]
            ).fetchone()
            assert user is not None
            connection.execute(
                "INSERT INTO user_settings VALUES (%s, %s, 'look', %s)",
                [store.id, user[0], Jsonb({"theme": new(), "size": 12, new(): True})],
            )
            connection.execute(
                "INSERT INTO documents (tenant_id, author_id, title, body) VALUES (%s, %s, %s, '')", [store.id, *user, new()]
            )
    with store.acting(store.owner) as connection:
        for what in ("TABLE people", "COLUMN people.notes", "INDEX people_nick", "TYPE mood"):
            if not store.shared:  # shared tables are the clone's as well: what is said of them is no tenant's
                connection.execute(sql.SQL("COMMENT ON {} IS {}").format(sql.SQL(what), new()))
    assert len(planted) >= CANARIES
    return [form for text in planted for form in forms(text)]


def forms(text: str) -> Iterator[bytes]:
    plain = text.encode()
    yield plain
    yield plain.hex().encode()
    # Base64 shows a text in one of three ways, depending on what precedes it; its inner part is the same in all that begin alike.
    for lead in range(3):
        yield base64.b64encode(b"\0" * lead + plain)[4 : 4 + 16]


def dump(store: TenantStore) -> bytes:
    """Everything of the tenant as `pg_dump` writes it: a store of its own whole; of shared tables the rows that its role sees."""
    server = store.administrator()
    command = [str(binaries() / "pg_dump"), f"--dbname={store.database}", f"--schema={store.schema}", "--inserts", "--restrict-key=fixed"]
    if store.shared:
        command += ["--data-only", "--enable-row-security", f"--role={store.app_role}", f"--exclude-table={store.schema}.alembic_version"]
    environment = {
        **os.environ,
        "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user, "PGPASSWORD": server.password,
        "PGOPTIONS": f"-c app.tenant_id={store.id}",
    }  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    if not store.shared:
        return done.stdout
    # Of shared tables the planner chooses the order, and a shared sequence belongs to nobody: a clone may advance it.
    return b"\n".join(sorted(line for line in done.stdout.splitlines() if b"setval(" not in line))


def found(canaries: list[bytes], content: bytes) -> list[bytes]:
    """The canaries that are in the bytes, in whatever case."""
    small = content.lower()
    return [text for text in canaries if text.lower() in small]


def rows(store: TenantStore, table: str) -> list[tuple[Any, ...]]:
    """A table's rows as the tenant's role sees them, without tenant_id, in an order of their own."""
    with store.acting(store.app_role) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attname <> 'tenant_id' ORDER BY attnum",
                [sql.Identifier(store.schema, table).as_string(connection)],
            )
        ]
        chosen = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names)
        return sorted(connection.execute(sql.SQL("SELECT {} FROM {}").format(chosen, sql.Identifier(table))).fetchall(), key=repr)


def structure(store: TenantStore) -> list[tuple[Any, ...]]:
    """Indexes, constraints, triggers and guards of the store's tables."""
    with store.connected() as connection:
        found = connection.execute(
            """
            SELECT 'index', tablename::text, indexdef FROM pg_indexes WHERE schemaname = %(schema)s
            UNION ALL SELECT 'constraint', conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid) || convalidated
                FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace
            UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text || tgenabled::text
                FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
                WHERE c.relnamespace = %(schema)s::regnamespace AND NOT tgisinternal
            ORDER BY 1, 2, 3
            """,
            {"schema": store.schema},
        ).fetchall()
        return [*found, *((line,) for line in guards.found(connection, store.schema))]


def violations(store: TenantStore) -> int:
    """Rows whose reference points nowhere, counted anew for every foreign key."""
    total = 0
    with store.acting(store.owner) as connection:
        for table in tables.names(connection, store.schema):
            for columns, target, targets in connection.execute(
                """
                SELECT (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(conkey) WITH ORDINALITY u (k, n)
                        JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k), confrelid::regclass::text,
                       (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(confkey) WITH ORDINALITY u (k, n)
                        JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k)
                FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass
                """,
                [table],
            ).fetchall():
                joined = sql.SQL(" AND ").join(
                    sql.SQL("t.{} = s.{}").format(sql.Identifier(b), sql.Identifier(a)) for a, b in zip(columns, targets, strict=True)
                )
                present = sql.SQL(" AND ").join(sql.SQL("s.{} IS NOT NULL").format(sql.Identifier(a)) for a in columns)
                row = connection.execute(
                    sql.SQL("SELECT count(*) FROM {} s WHERE {} AND NOT EXISTS (SELECT 1 FROM {} t WHERE {})").format(
                        sql.Identifier(table), present, sql.Identifier(target.rpartition(".")[2]), joined
                    )
                ).fetchone()
                assert row is not None
                total += row[0]
    return total
