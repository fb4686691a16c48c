"""Signed row contexts of a cell: their key in AWS Secrets Manager, and what stands beside the cell's shared tables (row_context.sql).

The secret is what the application signs with. The database has what it verifies with, in tables of the cell's owner; no state and no
backup of a tenant holds either.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tenantry import naming
from tenantry.clients import aws
from tenantry.errors import InputError, WorkError
from tenantry.postgres.server import Server, acting_as
from tenantry.settings import migrations_dir
from tenantry.tenant_token import SigningKey

if TYPE_CHECKING:
    import psycopg

SCHEMA: Final = "tenantry_context"
# Cells that were made before have no such column, and nothing makes their tables anew. Asked first: an ALTER TABLE keeps readers waiting.
_MADE_BY: Final = """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'tenantry_context.signed_tenants'::regclass AND attname = 'made_by') THEN
            ALTER TABLE tenantry_context.signed_tenants ADD COLUMN made_by text;
        END IF;
    END $$
"""
OVERLAP: Final = timedelta(hours=24)
"""How long the key before is still accepted: whoever signs with it reads the secret again in that time."""
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


def install(connection: psycopg.Connection, secret: str, *, owner: str, app_role: str) -> None:
    """Puts the function and its tables into the database, and lets it accept the secret's key, which is made where there is none.

    Idempotent; the next run of isolation.sql makes the policies of shared tables ask it. The connection is an administrator's.
    """
    found = aws.find_secret(secret) or aws.make_secret(secret, _new())
    with acting_as(connection, owner):
        connection.execute("SELECT set_config('tenantry.app_role', %s, true)", [app_role])
        connection.execute((migrations_dir() / "row_context.sql").read_bytes())
        _accept(connection, _parsed(secret, found))


def keep(cell: str, tenant_id: str, *, admitted: bool, made_by: str | None = None) -> None:
    """From now on the tenant's rows in the cell's shared tables open to its tokens only, and to none of them unless ``admitted``.

    ``made_by`` is the resource that the row is from now on; None leaves it whose it is.
    """
    with _connected(cell) as connection, acting_as(connection, naming.cell_owner(cell)):
        connection.execute(_MADE_BY)
        connection.execute(
            "INSERT INTO tenantry_context.signed_tenants AS s (tenant_id, admitted, made_by) VALUES (%s, %s, %s)"
            " ON CONFLICT (tenant_id) DO UPDATE SET admitted = EXCLUDED.admitted, made_by = coalesce(EXCLUDED.made_by, s.made_by)",
            [tenant_id, admitted, made_by],
        )


def kept(cell: str, tenant_id: str) -> bool | None:
    """Whether the tenant's tokens are admitted; None where it takes plain contexts."""
    with _connected(cell) as connection, acting_as(connection, naming.cell_owner(cell)):
        if not _installed(connection):
            return None
        row = connection.execute("SELECT admitted FROM tenantry_context.signed_tenants WHERE tenant_id = %s", [tenant_id]).fetchone()
        return None if row is None else bool(row[0])


def admit(cell: str, tenant_id: str, admitted: bool) -> bool:
    """Lets a signed tenant's tokens in or not, at once; False where the tenant takes plain contexts."""
    with _connected(cell) as connection, acting_as(connection, naming.cell_owner(cell)):
        if not _installed(connection):
            return False
        done = connection.execute("UPDATE tenantry_context.signed_tenants SET admitted = %s WHERE tenant_id = %s", [admitted, tenant_id])
        return done.rowcount > 0


def release(cell: str, tenant_id: str, made_by: str | None) -> None:
    """The tenant takes plain contexts again, unless another resource than ``made_by`` has seen to signed ones since."""
    with _connected(cell) as connection, acting_as(connection, naming.cell_owner(cell)):
        if _installed(connection):
            connection.execute(_MADE_BY)
            connection.execute(
                "DELETE FROM tenantry_context.signed_tenants WHERE tenant_id = %s AND coalesce(made_by = %s, made_by IS NULL)",
                [tenant_id, made_by],
            )


def settle(cell: str, makers: Mapping[str, str | None]) -> None:
    """After a killed run: rows are of the resources (tenant id → ``made_by``) that the state has, not of one that it never heard of."""
    with _connected(cell) as connection, acting_as(connection, naming.cell_owner(cell)):
        if _installed(connection):
            connection.execute(_MADE_BY)
            with connection.cursor() as cursor:
                cursor.executemany(
                    "UPDATE tenantry_context.signed_tenants SET made_by = %s WHERE tenant_id = %s",
                    [(made_by, tenant) for tenant, made_by in makers.items()],
                )


def rotate(cell: str, secret: str, overlap: timedelta) -> str:
    """Makes a new key and lets the one before be accepted for ``overlap`` more; the new key's id.

    The database knows the new key before the secret has it, and the old one ends after that: killed in between, every token that is made
    is accepted, and the command can be run again. ``InputError`` when no tenant of the cell takes signed contexts.
    """
    text = _new()
    key = _parsed(secret, text)
    with _connected(cell) as connection:
        owner = naming.cell_owner(cell)
        with acting_as(connection, owner):
            if not _installed(connection):
                raise InputError(
                    f"no tenant of the cell {cell} takes signed row contexts", "row_context: signed in a tier or a file, then tenantry up"
                )
            _accept(connection, key)
        aws.put_secret(secret, text)
        with acting_as(connection, owner):
            connection.execute("DELETE FROM tenantry_context.keys WHERE accepted_until <= now()")
            connection.execute(
                "UPDATE tenantry_context.keys SET accepted_until = least(accepted_until, now() + %s) WHERE id <> %s", [overlap, key.id]
            )
    return key.id


def refuse_stale(cell: str, secret: str) -> str:
    """Which key signs, for `doctor`. ``WorkError`` when the cell's database would refuse what is signed with the secret's key."""
    with _connected(cell) as connection, acting_as(connection, naming.cell_owner(cell)):
        if not _installed(connection):
            return "plain"
        known = {row[0] for row in connection.execute("SELECT id FROM tenantry_context.keys WHERE accepted_until > now()")}
    again = f"tenantry row-context rotate {cell} makes a new one, known to both"
    found = aws.find_secret(secret)
    if found is None:
        raise WorkError(f"the secret {secret} is gone: nobody can sign row contexts of the cell {cell}", again)
    key = _parsed(secret, found)
    if key.id not in known:
        raise WorkError(f"the cell {cell} does not know the key {key.id} of the secret {secret}", again)
    return f"key {key.id}"


def posture(connection: psycopg.Connection) -> list[str]:
    """The function, who may call it, and who may read the tables beside it: one line each, for the posture of the shared tables."""
    rows = connection.execute(
        """
        SELECT format('context function %%s owner %%s grants %%s', md5(pg_get_functiondef(oid)), pg_get_userbyid(proowner), proacl)
        FROM pg_proc WHERE pronamespace = to_regnamespace(%(schema)s)
        UNION ALL
        SELECT format('context %%s owner %%s grants %%s', relname, pg_get_userbyid(relowner), relacl)
        FROM pg_class WHERE relnamespace = to_regnamespace(%(schema)s) AND relkind IN ('r', 'v', 'p')
        UNION ALL
        SELECT format('context schema owner %%s grants %%s', pg_get_userbyid(nspowner), nspacl) FROM pg_namespace WHERE nspname = %(schema)s
        ORDER BY 1
        """,
        {"schema": SCHEMA},
    )
    return [row[0] for row in rows]


def _installed(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT to_regclass('tenantry_context.signed_tenants')").fetchone() != (None,)


def _connected(cell: str) -> psycopg.Connection:
    return Server.from_environment().connect(naming.cell_database(cell))


def _accept(connection: psycopg.Connection, key: SigningKey) -> None:
    padded = key.key.ljust(64, b"\0")
    connection.execute(
        "INSERT INTO tenantry_context.keys (id, inner_pad, outer_pad) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING",
        [key.id, padded.translate(_INNER), padded.translate(_OUTER)],
    )


def _parsed(secret: str, text: str) -> SigningKey:
    try:
        return SigningKey.from_secret(text)
    except ValueError as error:
        raise WorkError(f"{secret}: {error}", "tenantry row-context rotate CELL puts a new one there") from error


def _new() -> str:
    return json.dumps({"id": secrets.token_hex(4), "key": base64.b64encode(secrets.token_bytes(32)).decode()})
