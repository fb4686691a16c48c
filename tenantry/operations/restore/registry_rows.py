"""A tenant's rows in the control database, brought back: its users with their settings, what was set at runtime, its invitations.

The registry row, host names and declared values are not: the tenant's file says them, and `tenantry up` applies it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry.actor import Actor
from tenantry.control import configuration
from tenantry.control.database import transaction

Rows = Mapping[str, Sequence[Mapping[str, Any]]]

_REPLACED: Final = {"users": ("tenant_id", "id"), "user_settings": ("tenant_id", "user_id", "setting_key")}
_ADDED: Final = "invitations"


def current(tenant_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """What ``put`` would replace, as JSON values: for the way back."""
    found: dict[str, list[dict[str, Any]]] = {}
    with transaction() as connection:
        for table in _REPLACED:
            query = sql.SQL("SELECT to_jsonb(t) AS row FROM {} t WHERE tenant_id = %s").format(sql.Identifier(table))
            found[table] = [entry["row"] for entry in connection.execute(query, [tenant_id])]
        found["tenant_configurations"] = [
            entry["row"]
            for entry in connection.execute(
                "SELECT to_jsonb(t) AS row FROM tenant_configurations t WHERE tenant_id = %s AND source = 'runtime'", [tenant_id]
            )
        ]
    return found


def put(tenant_id: UUID, rows: Rows, actor: Actor) -> dict[str, int]:
    """Makes the tenant's users, settings and runtime values those of ``rows``, whoever's they were; how many there are of each.

    An invitation that is there stays as it is, with its link; one that is not comes back without a link.
    """
    with transaction() as connection:
        for table, key in reversed(_REPLACED.items()):
            _remove_others(connection, table, key[1:], tenant_id, _of(tenant_id, rows, table))
        for table, key in _REPLACED.items():
            _write(connection, table, key, _of(tenant_id, rows, table), replace=True)
        _write(connection, _ADDED, (), _of(tenant_id, rows, _ADDED), replace=False)
    wanted = {row["config_key"]: row["config_value"] for row in rows.get("tenant_configurations", ()) if row["source"] == "runtime"}
    there = configuration.rows([tenant_id], runtime_only=True)[tenant_id]
    for name in there.keys() - wanted.keys():
        configuration.take_back(tenant_id, name, actor)
    for name, value in wanted.items():
        if name not in there or there[name]["config_value"] != value:
            configuration.put(tenant_id, name, value, actor)
    return {**{table: len(rows.get(table, ())) for table in _REPLACED}, "runtime values": len(wanted)}


def _of(tenant_id: UUID, rows: Rows, table: str) -> list[dict[str, Any]]:
    return [{**row, "tenant_id": str(tenant_id)} for row in rows.get(table, ())]


def _remove_others(connection: Any, table: str, key: Sequence[str], tenant_id: UUID, rows: list[dict[str, Any]]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, key))
    statement = sql.SQL(
        "DELETE FROM {table} WHERE tenant_id = %s AND ({key}) NOT IN (SELECT {key} FROM jsonb_populate_recordset(NULL::{table}, %s))"
    )
    connection.execute(statement.format(table=sql.Identifier(table), key=names), [tenant_id, Jsonb(rows)])


def _write(connection: Any, table: str, key: Sequence[str], rows: list[dict[str, Any]], *, replace: bool) -> None:
    """Columns that the rows do not know (they are of an older Tenantry) get their defaults; those that we do not know any more are left."""
    known = [
        entry["column_name"]
        for entry in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = %s", [table]
        )
    ]
    for row in rows:
        names = [name for name in known if name in row]
        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        rest = [name for name in names if name not in key]
        update = sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in rest)
        conflict = (
            sql.SQL("({}) DO UPDATE SET {}").format(sql.SQL(", ").join(map(sql.Identifier, key)), update)
            if replace
            else sql.SQL("DO NOTHING")
        )
        statement = sql.SQL(
            "INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, %s) ON CONFLICT {conflict}"
        )
        connection.execute(statement.format(table=sql.Identifier(table), names=listed, conflict=conflict), [Jsonb(row)])
