"""The rows of ``tenant_configurations``: declared ones, values set at runtime over them, and their history.

A row has the value in force (``config_value``), what the file says (``declared_value``, or nothing), and a ``source``: ``runtime``
where the two differ, else ``declaration``. Which of the two wins when the file changes is docs/adr/0010. Every call is one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.control.portal import Portal, door
from tenantry.declaration.keys import CONFIGURATION_KEYS
from tenantry.escape import escaped

if TYPE_CHECKING:
    import psycopg

COLUMNS: Final = "config_key, config_value, source, declared_value, updated_at, updated_by"

UP: Final = "tenantry up"
"""Who changed a value that came out of a file: the file's own history knows the person."""


@contextmanager
def changing(actor: str, run_id: UUID | None = None, *, snapshot: bool = False) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A transaction whose changes the history puts down to ``actor`` and a run. ``snapshot``: it sees one moment, and fails
    with ``SerializationFailure`` where it would overwrite what changed since."""
    with transaction(snapshot=snapshot) as connection:
        connection.execute(
            "SELECT set_config('tenantry.actor', %s, true), set_config('tenantry.run_id', %s, true)", [escaped(actor), str(run_id or "")]
        )
        yield connection


def write_declared(tenant_id: str, rows: Mapping[str, str], made_by: str | None = None) -> None:
    """Makes what the declaration says exactly ``rows`` (key → JSON text); ``made_by`` is the resource whose they are from now on.

    A value set at runtime stays in force, except where the key is the platform's and its declared value has changed: then the newer,
    reviewed decision ends it. One that equals the declared value is not an override any more.
    """
    platform = [key.key for key in CONFIGURATION_KEYS.values() if key.editor == "platform"]
    with changing(UP) as connection:
        if made_by:
            connection.execute("UPDATE tenants SET configured_by = %s WHERE id = %s", [made_by, tenant_id])
        connection.execute(
            "DELETE FROM tenant_configurations WHERE tenant_id = %s AND source = 'declaration' AND NOT config_key = ANY(%s)",
            [tenant_id, list(rows)],
        )
        connection.execute(
            "UPDATE tenant_configurations SET declared_value = NULL"
            " WHERE tenant_id = %s AND declared_value IS NOT NULL AND NOT config_key = ANY(%s)",
            [tenant_id, list(rows)],
        )
        # A declared value that is not known (a row older than the column, or one whose stack let go of it) has not changed.
        connection.execute(
            """
            INSERT INTO tenant_configurations AS c (tenant_id, config_key, config_value, declared_value, source, updated_by)
            SELECT %(tenant)s, key, value::jsonb, value::jsonb, 'declaration', %(by)s
            FROM unnest(%(keys)s::text[], %(values)s::text[]) AS declared (key, value)
            ON CONFLICT (tenant_id, config_key) DO UPDATE SET
                declared_value = EXCLUDED.declared_value,
                (config_value, source, updated_at, updated_by) = (
                    SELECT CASE WHEN wins THEN EXCLUDED.config_value ELSE c.config_value END,
                           CASE WHEN wins THEN 'declaration' ELSE 'runtime' END,
                           CASE WHEN wins THEN now() ELSE c.updated_at END,
                           CASE WHEN wins THEN EXCLUDED.updated_by ELSE c.updated_by END
                    FROM (SELECT c.source = 'declaration' OR c.config_value = EXCLUDED.config_value
                                 OR coalesce(c.config_key = ANY(%(platform)s) AND c.declared_value <> EXCLUDED.declared_value, false)
                         ) AS decided (wins))
                WHERE c.declared_value IS DISTINCT FROM EXCLUDED.declared_value
                   OR c.source = CASE WHEN c.config_value = EXCLUDED.config_value THEN 'runtime' ELSE 'declaration' END
            """,
            {"tenant": tenant_id, "keys": list(rows), "values": list(rows.values()), "platform": platform, "by": UP},
        )


def read_declared(tenant_id: str) -> dict[str, str] | None:
    """What the declaration said when it was last applied (key → JSON text), or None when the tenant is not there.

    A declared row whose value in force was changed past its declared one shows the value in force: damage that a refresh must see.
    """
    with transaction() as connection:
        if not connection.execute("SELECT 1 FROM tenants WHERE id = %s AND deleted_at IS NULL", [tenant_id]).fetchone():
            return None
        rows = connection.execute(
            "SELECT config_key, CASE source WHEN 'declaration' THEN config_value ELSE declared_value END AS value"
            " FROM tenant_configurations WHERE tenant_id = %s AND (source = 'declaration' OR declared_value IS NOT NULL)",
            [tenant_id],
        )
        return {row["config_key"]: json.dumps(row["value"], sort_keys=True, ensure_ascii=False) for row in rows}


def withdraw_declared(tenant_id: str, made_by: str | None) -> None:
    """Takes the declared rows away, unless another resource than ``made_by`` has written them since.

    What was set at runtime stays: another stack may be taking the tenant over.
    """
    with changing(UP) as connection:
        row = connection.execute("SELECT configured_by FROM tenants WHERE id = %s FOR UPDATE", [tenant_id]).fetchone()
        if row and row["configured_by"] not in (None, made_by):
            return
        connection.execute("UPDATE tenants SET configured_by = NULL WHERE id = %s", [tenant_id])
        connection.execute("DELETE FROM tenant_configurations WHERE tenant_id = %s AND source = 'declaration'", [tenant_id])
        connection.execute("UPDATE tenant_configurations SET declared_value = NULL WHERE tenant_id = %s", [tenant_id])


def rows(tenant_ids: Sequence[UUID], *, runtime_only: bool = False) -> dict[UUID, dict[str, dict[str, Any]]]:
    """The rows of some tenants: tenant → key → row (``COLUMNS``)."""
    with transaction() as connection:
        return _rows(connection, tenant_ids, runtime_only)


def rows_of(tenant_id: UUID, portal: Portal | None) -> dict[str, dict[str, Any]]:
    """The rows of one tenant, by key. ``portal``: one of its own people asks."""
    with door(portal, tenant_id) as connection:
        return _rows(connection, [tenant_id], False)[tenant_id]


def _rows(
    connection: psycopg.Connection[dict[str, Any]], tenant_ids: Sequence[UUID], runtime_only: bool
) -> dict[UUID, dict[str, dict[str, Any]]]:
    found: dict[UUID, dict[str, dict[str, Any]]] = {tenant_id: {} for tenant_id in tenant_ids}
    cursor = connection.execute(
        f"SELECT tenant_id, {COLUMNS} FROM tenant_configurations"  # noqa: S608  # a constant
        " WHERE tenant_id = ANY(%s) AND (NOT %s OR source = 'runtime') ORDER BY config_key",
        [list(tenant_ids), runtime_only],
    )
    for row in cursor:
        found[row["tenant_id"]][row["config_key"]] = row
    return found


def put(tenant_id: UUID, key: str, value: Any, actor: Actor, portal: Portal | None = None) -> tuple[Any, Any]:
    """Sets a value at runtime; what the row (``config_value``, ``source``) was before and is now, each None where there is none.

    A value that the declaration says as well is a declared one. ``portal``: one of the tenant's own people sets it; the database
    looks who that is, and at the value once more.
    """
    if portal is not None:
        with portal.open(tenant_id) as connection:
            done = connection.execute("SELECT * FROM portal_set_configuration(%s, %s, %s)", [portal.proof, key, Jsonb(value)]).fetchone()
            return _told(done)
    with changing(actor.name) as connection:
        before = _locked(connection, tenant_id, key)
        after = connection.execute(
            """
            INSERT INTO tenant_configurations AS c (tenant_id, config_key, config_value, source, updated_by)
            VALUES (%s, %s, %s, 'runtime', %s)
            ON CONFLICT (tenant_id, config_key) DO UPDATE SET
                config_value = EXCLUDED.config_value,
                source = CASE WHEN c.declared_value = EXCLUDED.config_value THEN 'declaration' ELSE 'runtime' END,
                updated_at = now(), updated_by = EXCLUDED.updated_by
                WHERE c.config_value <> EXCLUDED.config_value
            RETURNING config_value, source
            """,
            [tenant_id, key, Jsonb(value), actor.name],
        ).fetchone()
    return before, after or before


def take_back(tenant_id: UUID, key: str, actor: Actor, portal: Portal | None = None) -> tuple[Any, Any]:
    """Ends what was set at runtime: the declared value is in force again, or none. Answers like ``put``."""
    if portal is not None:
        with portal.open(tenant_id) as connection:
            return _told(connection.execute("SELECT * FROM portal_unset_configuration(%s, %s)", [portal.proof, key]).fetchone())
    with changing(actor.name) as connection:
        before = _locked(connection, tenant_id, key)
        connection.execute(
            "DELETE FROM tenant_configurations WHERE tenant_id = %s AND config_key = %s AND source = 'runtime' AND declared_value IS NULL",
            [tenant_id, key],
        )
        connection.execute(
            "UPDATE tenant_configurations SET config_value = declared_value, source = 'declaration', updated_at = now(), updated_by = %s"
            " WHERE tenant_id = %s AND config_key = %s AND source = 'runtime'",
            [actor.name, tenant_id, key],
        )
        return before, _locked(connection, tenant_id, key)


def _told(done: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """What a row was and is, as the portal's functions say it."""
    assert done is not None  # noqa: S101  # a function with OUT parameters gives one row
    before, after = (
        {"config_value": done[f"{when}_value"], "source": done[f"{when}_source"]} if done[f"{when}_source"] else None
        for when in ("old", "new")
    )
    return before, after


def _locked(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, key: str) -> dict[str, Any] | None:
    return connection.execute(
        "SELECT config_value, source FROM tenant_configurations WHERE tenant_id = %s AND config_key = %s FOR UPDATE", [tenant_id, key]
    ).fetchone()


def history(tenant_id: UUID, key: str | None, limit: int, portal: Portal | None = None) -> list[dict[str, Any]]:
    """The newest changes first: key, values and sources before and after, when, by whom, in which run."""
    with door(portal, tenant_id) as connection:
        return connection.execute(
            """
            SELECT change_id, config_key, old_value, old_source, new_value, source, changed_at, changed_by, run_id
            FROM tenant_configuration_history WHERE tenant_id = %(tenant)s AND (%(key)s::text IS NULL OR config_key = %(key)s)
            ORDER BY change_id DESC LIMIT %(limit)s
            """,
            {"tenant": tenant_id, "key": key, "limit": limit},
        ).fetchall()
