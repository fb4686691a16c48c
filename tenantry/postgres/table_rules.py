"""Which tables a store may not get from a revision: those through which one tenant meets another. Each with what to write instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tenantry.errors import WorkError
from tenantry.naming import EXTENSIONS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

_SQL: Final = Path(__file__).with_suffix(".sql")
_REFERENCE: Final = re.compile(r"FOREIGN KEY \((.*?)\) REFERENCES (.+?)\((.*?)\)(.*)", re.DOTALL)


def faults(connection: psycopg.Connection, schema: str, *, shared: bool) -> dict[tuple[str, str], str]:
    """By table and name of the key, reference or extension: what is wrong with it and what would be right, one line each.

    ``shared``: many tenants' rows are in the tables. In a tenant's own nobody else's key can be met.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL.read_bytes(), {"schema": schema, "shared": shared}, prepare=False)
        return {(table, name): _said(kind, table, name, definition, columns) for kind, table, name, definition, columns in cursor}


def refuse_new(connection: psycopg.Connection, schema: str, before: Mapping[tuple[str, str], str], *, shared: bool) -> None:
    """``WorkError`` for the first fault that was not there ``before``. Tables that stand keep theirs: `tenantry doctor` names them."""
    new = [what for key, what in faults(connection, schema, shared=shared).items() if key not in before]
    if new:
        raise WorkError(new[0], "docs/migrations.md says what tables may look like; nothing was changed")


def _said(kind: str, table: str, name: str, definition: str, columns: str) -> str:
    match kind:
        case "extension":
            return (
                f"the extension {name} would be in one store's schema, unseen by the others and gone when that store goes:"
                f" write CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {EXTENSIONS_SCHEMA}"
            )
        case "lookup":
            return f"{table} has no tenant_id and points at rows that are a tenant's ({definition}): give it a tenant_id"
        case "reference":
            return f"{table}: {definition} can point at another tenant's row: write {_composite(definition, columns)}"
    right = definition.replace("(", "(tenant_id WITH =, " if kind == "exclusion" else "(tenant_id, ", 1)
    return f"{table}: {definition} holds for all tenants together, so that one meets another's key: write {right}"


def _composite(definition: str, columns: str) -> str:
    found = _REFERENCE.fullmatch(definition)
    if found is None:
        return "one that carries tenant_id on both sides"
    mine, target, theirs, rest = found.groups()
    for action in ("SET NULL", "SET DEFAULT"):  # of all its columns, unless these are named
        rest = rest.replace(f"ON DELETE {action}", f"ON DELETE {action} ({columns})")
    return f"FOREIGN KEY (tenant_id, {mine}) REFERENCES {target}(tenant_id, {theirs}){rest}"
