"""What an application may do with what stands beside its tenant tables: take numbers, read what is the same for everybody."""

from __future__ import annotations

import pytest

from tenantry.postgres import migrations
from tests.service.migrate.conftest import roll_out
from tests.service.migrate.models import MODELS, ask, made, refused

pytestmark = pytest.mark.service

NUMBERED = """
CREATE TABLE invoices (tenant_id uuid NOT NULL, id bigserial, note text, PRIMARY KEY (tenant_id, id));
CREATE TABLE "Small Ones" (tenant_id uuid NOT NULL, "Id" smallserial, PRIMARY KEY (tenant_id, "Id"));
CREATE SEQUENCE order_numbers START 100;
CREATE TABLE orders (tenant_id uuid NOT NULL, number bigint NOT NULL DEFAULT nextval('order_numbers'), PRIMARY KEY (tenant_id, number));
CREATE SEQUENCE ticket_numbers;
CREATE FUNCTION numbered() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.code := 'T-' || nextval('ticket_numbers'); RETURN NEW; END $$;
CREATE TABLE tickets (
    tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), code text, number bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant_id, id)
);
CREATE TRIGGER numbered BEFORE INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION numbered();
CREATE TABLE parts (tenant_id uuid NOT NULL, id serial, kind int NOT NULL, PRIMARY KEY (tenant_id, id, kind)) PARTITION BY LIST (kind);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
"""
INSERTS = (
    "INSERT INTO invoices (tenant_id, note) VALUES (%s, 'a') RETURNING id",
    'INSERT INTO "Small Ones" (tenant_id) VALUES (%s) RETURNING "Id"',
    "INSERT INTO orders (tenant_id) VALUES (%s) RETURNING number",
    "INSERT INTO tickets (tenant_id) VALUES (%s) RETURNING number",
    "INSERT INTO parts (tenant_id, kind) VALUES (%s, 1) RETURNING id",
)


def numbered(stores):
    for store in stores:
        for insert in INSERTS:
            assert ask(store, insert, [store.id])[0][0] > 0, (store.slug, insert)
        assert refused(store, "SELECT setval('order_numbers', 1)") == "42501"
        assert refused(store, "SELECT nextval('countries_place_seq')") in ("42501", "42P01")


def test_an_application_takes_the_next_number_of_its_tables_in_every_model(fleet, trees):
    """serial of every size, a sequence of its own in a default or in a trigger, of a partitioned table: through a roll-out."""
    stores = made(fleet, "0001")
    trees.add(NUMBERED)
    roll_out()
    numbered(stores)


def test_stores_made_before_are_mended_by_the_next_run_and_by_the_next_roll_out(fleet, trees):
    """No right on any sequence, as 70e36e8 left them: half of them are applied anew as `up` does, half get one more revision."""
    trees.add(NUMBERED)
    stores = made(fleet)
    for store in stores:
        with store.connected() as connection:
            connection.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {store.schema} FROM {store.app_role}".encode())
            connection.commit()
    assert refused(stores[0], "SELECT nextval('order_numbers')") == "42501"
    for store in stores[:3]:
        with store.connected() as connection:
            tenant = "" if store.shared else str(store.id)
            migrations.apply(connection, "tenant", store.schema, owner=store.owner, app_role=store.app_role, tenant_id=tenant)
    trees.add("COMMENT ON TABLE users IS 'people';")
    roll_out()
    numbered(stores)


LOOKUP = """
CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL, place serial);
INSERT INTO countries VALUES ('de', 'Germany'), ('fr', 'France');
CREATE TABLE addresses (
    tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), country text NOT NULL REFERENCES countries,
    PRIMARY KEY (tenant_id, id)
);
CREATE MATERIALIZED VIEW documents_by_author AS SELECT tenant_id, author_id, count(*) AS n FROM documents GROUP BY 1, 2;
CREATE VIEW document_totals AS SELECT count(*) AS n FROM documents;
"""


def test_a_lookup_table_is_read_by_all_and_written_by_revisions_alone(fleet, trees):
    """A view beside it shows each tenant its own, and what cannot be guarded is shown to none."""
    stores = made(fleet, "0001", documents=2)
    trees.refer("countries")
    trees.add(LOOKUP)
    roll_out()
    trees.add("INSERT INTO countries VALUES ('es', 'Spain'); UPDATE countries SET name = upper(name);")
    roll_out()
    for store in stores:
        assert ask(store, "SELECT code, name FROM countries ORDER BY 1") == [("de", "GERMANY"), ("es", "SPAIN"), ("fr", "FRANCE")]
        assert ask(store, "INSERT INTO addresses (tenant_id, country) VALUES (%s, 'de') RETURNING country", [store.id]) == [("de",)]
        assert ask(store, "SELECT n FROM document_totals") == [(2,)], store.slug
        for write in (
            "INSERT INTO countries VALUES ('it', 'Italy')",
            "UPDATE countries SET name = ''",
            "DELETE FROM countries",
            "TRUNCATE countries",
            "SELECT nextval('countries_place_seq')",
            "SELECT * FROM documents_by_author",
            "REFRESH MATERIALIZED VIEW documents_by_author",
            "SELECT * FROM alembic_version",
        ):
            assert refused(store, write) == "42501", (store.slug, write)
    assert {store.slug for store in stores} == set(MODELS)
