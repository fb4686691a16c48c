"""Which tables a store may not get from a revision: those through which one tenant meets another, and those of which something would be
lost, doubled or left behind. Each with what to write instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tenantry.errors import WorkError
from tenantry.naming import EXTENSIONS_SCHEMA
from tenantry.postgres import reference_tables, revisions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

_SQL: Final = Path(__file__).with_suffix(".sql")
_ELSEWHERE: Final = Path(__file__).with_name("tables_elsewhere.sql")
_NOTES: Final = Path(__file__).with_name("table_notes.sql")
_REFERENCE: Final = re.compile(r"FOREIGN KEY \((.*?)\) REFERENCES (.+?)\((.*?)\)(.*)", re.DOTALL)
DOCUMENTED: Final = "docs/tables.md says what tables may look like; nothing was changed"


class Fault(NamedTuple):
    """What is wrong with a table, and what would be right. As text: one line."""

    kind: str
    table: str
    """Empty for what concerns no table: an extension."""
    columns: tuple[str, ...]
    problem: str
    instead: str

    def __str__(self) -> str:
        return f"{self.problem}: {self.instead}"


def faults(connection: psycopg.Connection, schema: str, *, shared: bool) -> dict[tuple[str, str], Fault]:
    """By table and name of the key, reference, rule or extension: what is wrong with it and what would be right.

    ``shared``: many tenants' rows are in the tables. In a tenant's own nobody else's key can be met. ``InputError`` when the file that
    names the reference tables cannot be read.
    """
    values = {"schema": schema, "shared": shared, "reference": sorted(reference_tables.declared()), "books": revisions.books()}
    with connection.cursor() as cursor:
        cursor.execute(_SQL.read_bytes(), values, prepare=False)
        return {(row[1], row[2]): _said(*row) for row in cursor}


def elsewhere(connection: psycopg.Connection, schema: str) -> dict[tuple[str, str], Fault]:
    """What revisions made beside ``schema``, where no store keeps it. As an administrator, in a database where nothing else is."""
    with connection.cursor() as cursor:
        cursor.execute(_ELSEWHERE.read_bytes(), {"schema": schema}, prepare=False)
        return {(row[1], row[2]): _said(row[0], row[1], row[2], "", []) for row in cursor}


def notes(connection: psycopg.Connection, schema: str) -> list[Fault]:
    """What is allowed in shared tables and tells something: keys for all tenants together that nobody guesses."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTES.read_bytes(), {"schema": schema}, prepare=False)
        return [
            Fault(
                "random",
                table,
                tuple(columns),
                f"{table}: {definition} holds for all tenants together, and nobody guesses a value",
                "write random ones (gen_random_uuid()): version 7, version 1 and ULIDs tell when a row was made, and version 1 where",
            )
            for table, definition, columns in cursor
        ]


def refuse_new(connection: psycopg.Connection, schema: str, before: Mapping[tuple[str, str], Fault], *, shared: bool) -> None:
    """``WorkError`` for the first fault that was not there ``before``. Tables that stand keep theirs: `tenantry doctor` names them."""
    new = [fault for key, fault in faults(connection, schema, shared=shared).items() if key not in before]
    if new:
        raise WorkError(said(new), DOCUMENTED)


def said(found: list[Fault]) -> str:
    """The first of them, and how many more there are."""
    return f"{found[0]}" + (f" (and {len(found) - 1} more: tenantry migrate --check)" if len(found) > 1 else "")


def _said(kind: str, table: str, name: str, definition: str, columns: list[str]) -> Fault:
    match kind:
        case "extension":
            problem = f"the extension {name} would be in one store's schema, unseen by the others and gone when that store goes"
            instead = f"write CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {EXTENSIONS_SCHEMA}"
        case "lookup":
            problem, instead = f"{table} has no tenant_id and points at rows that are a tenant's ({definition})", "give it a tenant_id"
        case "undeclared":
            problem = f"{table} has no tenant_id: nobody's rows, which the application may not write and no move takes along"
            instead = (
                "give it a tenant_id uuid NOT NULL, or name it under reference in migrations/classification.yaml"
                " when revisions write its rows, the same for all tenants"
            )
        case "declared":
            problem = f"{table} has a tenant_id and is named under reference in migrations/classification.yaml"
            instead = "take it off that list"
        case "tenant":
            problem, instead = f"{table}.tenant_id is {definition}", "write tenant_id uuid NOT NULL"
        case "rule":
            problem = f"the rule {name} on {table} would act again on every row that a restore, a move or a clone brings"
            instead = "write a trigger, which they put off"
        case "foreign":
            problem = f"{table} is a foreign table: its rows are elsewhere, and no backup, move or clone takes them along"
            instead = "write an ordinary table, and read the other server from the application"
        case "elsewhere":
            problem = f"{table} is in another schema than the store's, so that tenants share it and nothing takes it along"
            instead = f"write {name} without a schema"
        case "database":
            problem, instead = f"the {name} is of a whole database, where many stores may be", "leave it out: an administrator makes it"
        case "large":
            problem = f"the large object {name} is of a whole database, and the application's role may neither read nor write one"
            instead = "write a column of type bytea, or an object under the tenant's prefix"
        case "reference":
            problem = f"{table}: {definition} can point at another tenant's row"
            instead = f"write {_composite(definition)}"
        case _:
            right = definition.replace("(", "(tenant_id WITH =, " if kind == "exclusion" else "(tenant_id, ", 1)
            problem = f"{table}: {definition} holds for all tenants together, so that one meets another's key"
            instead = f"write {right}"
    return Fault(kind, table, tuple(columns), problem, instead)


def _composite(definition: str) -> str:
    found = _REFERENCE.fullmatch(definition)
    if found is None:
        return "one that carries tenant_id on both sides"
    mine, target, theirs, rest = found.groups()
    for action in ("SET NULL", "SET DEFAULT"):  # of all its columns, unless these are named
        rest = rest.replace(f"ON DELETE {action}", f"ON DELETE {action} ({mine})")
    return f"FOREIGN KEY (tenant_id, {mine}) REFERENCES {target}(tenant_id, {theirs}){rest}"
