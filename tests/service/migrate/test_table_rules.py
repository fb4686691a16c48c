"""Shared tables take no key and no reference through which one tenant meets another; what is refused is told what to write."""

from __future__ import annotations

import re

import pytest

from tenantry import naming
from tenantry.errors import WorkError
from tenantry.operations import doctor, table_check
from tenantry.postgres import table_rules
from tests.service.migrate.conftest import roll_out
from tests.service.migrate.models import ask, made

pytestmark = pytest.mark.service

PARTS = "CREATE TABLE parts (tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), code text, number int, owner uuid, {});"
WHOLE = "PRIMARY KEY (tenant_id, id)"

# What a revision says → a piece of what it is told to write instead.
REFUSED = {
    "a unique constraint": (PARTS.format(WHOLE + ", UNIQUE (code)"), "write UNIQUE (tenant_id, code)"),
    "of two columns": (PARTS.format(WHOLE + ", UNIQUE (code, number)"), "write UNIQUE (tenant_id, code, number)"),
    "where nulls are alike": (
        PARTS.format(WHOLE + ", UNIQUE NULLS NOT DISTINCT (code)"),
        "write UNIQUE NULLS NOT DISTINCT (tenant_id, code)",
    ),
    "deferrable": (PARTS.format(WHOLE + ", UNIQUE (code) DEFERRABLE"), "write UNIQUE (tenant_id, code) DEFERRABLE"),
    "that only carries the tenant": (PARTS.format(WHOLE + ", UNIQUE (code) INCLUDE (tenant_id)"), "write UNIQUE (tenant_id, code)"),
    "a primary key that counts": (
        "CREATE TABLE counted (tenant_id uuid NOT NULL, id bigserial PRIMARY KEY);",
        "write PRIMARY KEY (tenant_id, id)",
    ),
    "a unique index": (PARTS.format(WHOLE) + "CREATE UNIQUE INDEX one ON parts (code);", "USING btree (tenant_id, code)"),
    "of an expression": (
        PARTS.format(WHOLE) + "CREATE UNIQUE INDEX one ON parts (lower(code));",
        "USING btree (tenant_id, lower(code))",
    ),
    "of some rows": (
        PARTS.format(WHOLE) + "CREATE UNIQUE INDEX one ON parts (code) WHERE number > 1;",
        "USING btree (tenant_id, code) WHERE",
    ),
    "on a quoted name": (
        'CREATE TABLE "Order Items" (tenant_id uuid NOT NULL, "user" text, UNIQUE ("user"));',
        'write UNIQUE (tenant_id, "user")',
    ),
    "of a partitioned table": (
        "CREATE TABLE logs (tenant_id uuid NOT NULL, at date NOT NULL, n int, UNIQUE (n, at)) PARTITION BY RANGE (at);",
        "write UNIQUE (tenant_id, n, at)",
    ),
    "an exclusion": (
        "CREATE TABLE bookings (tenant_id uuid NOT NULL, during tstzrange, EXCLUDE USING gist (during WITH &&));",
        "write EXCLUDE USING gist (tenant_id WITH =, during WITH &&)",
    ),
    "a reference": (
        PARTS.format("PRIMARY KEY (tenant_id, id), UNIQUE (id)") + "ALTER TABLE parts ADD FOREIGN KEY (owner) REFERENCES parts (id);",
        "write FOREIGN KEY (tenant_id, owner) REFERENCES parts(tenant_id, id)",
    ),
    "a reference that forgets": (
        PARTS.format("PRIMARY KEY (tenant_id, id), UNIQUE (id)")
        + "ALTER TABLE parts ADD FOREIGN KEY (owner) REFERENCES parts (id) ON DELETE SET NULL DEFERRABLE;",
        "write FOREIGN KEY (tenant_id, owner) REFERENCES parts(tenant_id, id) ON DELETE SET NULL (owner) DEFERRABLE",
    ),
    "a lookup table that points at tenants' rows": (
        PARTS.format("PRIMARY KEY (tenant_id, id), UNIQUE (id)") + "CREATE TABLE favourites (part uuid REFERENCES parts (id));",
        "favourites has no tenant_id and points at rows that are a tenant's",
    ),
}

ACCEPTED = (
    PARTS.format(WHOLE + ", UNIQUE (tenant_id, code)"),
    PARTS.format(WHOLE + ", UNIQUE (code, tenant_id)"),
    # Nobody guesses a uuid.
    PARTS.format("PRIMARY KEY (id), UNIQUE (tenant_id, id), FOREIGN KEY (tenant_id, owner) REFERENCES users (tenant_id, id)"),
    "CREATE TABLE colours (code text PRIMARY KEY, name text UNIQUE);"
    "CREATE TABLE things (tenant_id uuid NOT NULL, n int, colour text REFERENCES colours, PRIMARY KEY (n, tenant_id));",
    "CREATE TABLE notes (tenant_id uuid NOT NULL, line text); CREATE INDEX ON notes (line);",
)


@pytest.mark.parametrize("what", REFUSED)
def test_what_lets_tenants_meet_is_refused_with_what_to_write(fleet, trees, what):
    """And nothing of the revision stays; written so, it gets through."""
    revision, right = REFUSED[what]
    fleet.shared("0001")
    fleet.rls("ash")
    trees.refer("favourites")
    trees.add(revision)
    with pytest.raises(WorkError, match=re.escape(right)):
        roll_out()
    with fleet.connect() as connection:
        assert connection.execute("SELECT version_num FROM shared.alembic_version").fetchone() == ("0001",)
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relname IN ('parts', 'logs', 'counted')").fetchone() == (0,)


def test_what_keeps_tenants_apart_is_taken(fleet, trees):
    """Keys that carry the tenant at whatever place, random ones, lookup tables' own."""
    fleet.shared("0001")
    fleet.rls("ash")
    trees.refer("colours")
    for number, revision in enumerate(ACCEPTED):
        trees.add(revision.replace(" parts ", f" parts_{number} "))
    roll_out()
    with fleet.connect() as connection:
        assert table_rules.faults(connection, naming.SHARED_SCHEMA, shared=True) == {}


def test_tables_that_stand_keep_what_they_have_and_go_on(fleet, trees, monkeypatch):
    """A platform that took such a key before is not stopped by it: later revisions get through, and no second fault with them."""
    fleet.shared("0001")
    fleet.rls("ash")
    trees.add(REFUSED["a unique constraint"][0])
    with monkeypatch.context() as before:
        before.setattr(table_rules, "refuse_new", lambda *_, **__: None)
        before.setattr(table_check, "require", lambda *_, **__: None)
        roll_out()
    with pytest.raises(WorkError, match=re.escape("cell main: parts: UNIQUE (code) holds for all tenants")):
        doctor._shared_tables()
    trees.add("ALTER TABLE parts ADD COLUMN more text;")
    roll_out()
    trees.add("ALTER TABLE parts ADD UNIQUE (more);")
    with pytest.raises(WorkError, match=re.escape("write UNIQUE (tenant_id, more)")):
        roll_out()
    trees.remove_last()
    trees.add("ALTER TABLE parts DROP CONSTRAINT parts_code_key, ADD UNIQUE (tenant_id, code);")
    roll_out()
    assert doctor._shared_tables() == "1 looked at, tenants kept apart by every key"


def test_a_tenants_own_tables_may_have_keys_of_their_own(fleet, trees):
    """Nobody else's are there; only where they are shared is it refused."""
    fleet.schemas(["birch", "cherry"], "0001")
    fleet.database("cedar", "0001")
    trees.add(REFUSED["a unique constraint"][0])
    roll_out()


def test_one_tenant_learns_nothing_of_anothers_key(fleet, trees):
    """What the rule is for: with the key written as it should be, the same value is free for everybody."""
    stores = made(fleet, "0001")
    trees.add(PARTS.format(WHOLE + ", UNIQUE (tenant_id, code)"))
    roll_out()
    for store in stores:
        ask(store, "INSERT INTO parts (tenant_id, code) VALUES (%s, 'secret')", [store.id])
