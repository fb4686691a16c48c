"""The ledger's tables: made once, and completed where an older program made them; nobody who reads them is waited for otherwise."""

from __future__ import annotations

import threading

import pytest

from tenantry.control import ledger, ledger_schema
from tenantry.control.ledger import Ledger
from tenantry.postgres.server import Server

pytestmark = pytest.mark.service


@pytest.fixture
def begin(in_cloud):
    """Writes the ledger for a stack of the test's own, as a run that starts does."""

    def write() -> None:
        with Server.from_environment().connect() as connection:
            connection.autocommit = True
            ledger.begin(connection, Ledger("schema-test", {}, {}, False), [], [])

    yield write
    with Server.from_environment().connect() as connection:
        ledger.forget_stack(connection, "schema-test")


def test_a_run_that_starts_waits_for_nobody_who_reads(begin):
    """A program reads the ledger's tables one after the other in one transaction. Each that waited for the other would be a deadlock."""
    begin()
    with Server.from_environment().connect() as reader:
        Ledger.read(reader, "other")  # its transaction stays open
        writer = threading.Thread(target=begin, daemon=True)
        writer.start()
        writer.join(20)
        waits = writer.is_alive()
        reader.rollback()
    writer.join(20)
    assert not waits


def test_what_an_older_program_made_is_completed(begin):
    begin()
    with Server.from_environment().connect() as connection:
        connection.execute(
            "ALTER TABLE tenantry_ledger.runs DROP COLUMN applying; ALTER TABLE tenantry_ledger.tenants DROP COLUMN unchanged"
        )
        connection.execute("DROP TABLE tenantry_ledger.engines")
        ledger_schema.make(connection)
        for table, names in ledger_schema.columns().items():
            connection.execute(f"SELECT {', '.join(sorted(names))} FROM tenantry_ledger.{table}")
        connection.execute("COMMENT ON SCHEMA tenantry_ledger IS NULL")
        ledger_schema.make(connection)
        comment = connection.execute("SELECT obj_description('tenantry_ledger'::regnamespace, 'pg_namespace')").fetchone()
        assert comment == (f"form {ledger_schema.FORM}",)
        connection.rollback()
