"""Which databases of a server an application's login may enter: its home, to connect and nothing else.

PostgreSQL lets everybody connect to a new database and make temporary tables there (PUBLIC's CONNECT and TEMPORARY), `postgres` and
`template1` included. isolation.sql shuts the databases that hold tables; this module shuts the others, finds what was opened again,
and mends it. It runs before every run of the engine, because a platform that an older release made has never been shut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import psycopg
from psycopg import errors, sql

from tenantry import naming
from tenantry.postgres.server import may_act_as

LOGIN: Final = re.compile(r"(tenantry__directory|(tenantry|(?:cell|t)_[a-z0-9_]+?)__app2?)(_b)?", re.ASCII)
"""Every login that an application has: the control database's two, a cell's, a tenant's own (`2`: the other end of a move; `_b`: the
second of two that take turns)."""

_SERVERS_OWN: Final = ("postgres", "template1")
_OURS: Final = re.compile(
    rf"postgres|template1|{naming.CONTROL_DATABASE}|{naming.TEMPLATE_DATABASE}|(cell|t)_[a-z0-9_]+|tenantry__scratch_.*"
)


class Opening(NamedTuple):
    """A right that nobody should have."""

    database: str
    owner: str
    role: str | None
    """None: PUBLIC, which is everybody."""
    privilege: str

    @property
    def ours(self) -> bool:
        """Whether the database is the platform's or the server's own; another one is not ours to change."""
        return _OURS.fullmatch(self.database) is not None

    def __str__(self) -> str:
        return f"{self.role or 'PUBLIC'} has {self.privilege} on the database {self.database}"


def openings(connection: psycopg.Connection) -> list[Opening]:
    """What is open on the connection's server: rights of PUBLIC on any database but template0, and of our logins beside their home."""
    rows = connection.execute(
        """
        SELECT d.datname, pg_get_userbyid(d.datdba), CASE acl.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(acl.grantee) END,
               acl.privilege_type
        FROM pg_database d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
        WHERE d.datallowconn AND (acl.grantee = 0 OR acl.grantee <> d.datdba) ORDER BY 1, 3, 4
        """
    ).fetchall()
    homes = _homes(connection)
    return [
        opening
        for opening in (Opening(*row) for row in rows)
        if opening.role is None or (LOGIN.fullmatch(opening.role) and not _allowed(opening, homes))
    ]


def shut(connection: psycopg.Connection) -> list[Opening]:
    """Takes those rights back where the databases are ours to change, and commits; what is open still.

    An administrator that neither owns a database nor is a member of its owner cannot: then whoever owns it has to (doctor says how).
    """
    for opening in openings(connection):
        if not opening.ours:
            continue
        if opening.owner.endswith("__owner"):
            may_act_as(connection, opening.owner)
        role = sql.SQL("PUBLIC") if opening.role is None else sql.Identifier(opening.role)
        revoke = sql.SQL("REVOKE {} ON DATABASE {} FROM {}").format(sql.SQL(opening.privilege), sql.Identifier(opening.database), role)
        for _ in range(5):
            try:
                # As the owner, whose word it was: one that is not a superuser takes back nothing but what he gave.
                with connection.transaction():
                    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(opening.owner)))
                    connection.execute(revoke)
                break
            except errors.InternalError_:  # "tuple concurrently updated": another run does the same
                continue
            except errors.InsufficientPrivilege:
                break
    left = openings(connection)
    connection.commit()
    return left


def not_ours_to_shut(connection: psycopg.Connection) -> list[Opening]:
    """Those openings that ``shut`` leaves: in other people's databases, or in one whose owner this administrator cannot act as."""
    able: dict[str, bool] = dict(connection.execute("SELECT rolname, pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles").fetchall())
    return [opening for opening in openings(connection) if not opening.ours or not able.get(opening.owner)]


def remedy(left: list[Opening]) -> str:
    """The statements for the owner of what ``shut`` leaves."""
    first = left[0]
    return f"as {first.owner}: " + "; ".join(
        f'REVOKE {opening.privilege} ON DATABASE "{opening.database}" FROM {opening.role or "PUBLIC"}'
        for opening in left
        if opening.owner == first.owner
    )


def _allowed(opening: Opening, homes: Mapping[str, frozenset[str]]) -> bool:
    role = str(opening.role)
    own = role.rpartition("__")[0]
    return opening.privilege == "CONNECT" and opening.database in {own, naming.kept(own), naming.staging(own), *homes.get(role, ())}


def _homes(connection: psycopg.Connection) -> dict[str, frozenset[str]]:
    """Login → the cells' databases that hold tables of its tenant's, by the ledger. During a move both ends are home."""
    # Another administrator of the server may not look into the ledger's schema; to ask for the table would be refused then.
    readable = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'tenantry_ledger' AND has_schema_privilege(oid, 'USAGE'))"
    if connection.execute(readable).fetchone() != (True,):
        return {}
    if connection.execute("SELECT to_regclass('tenantry_ledger.tenants')").fetchone() == (None,):
        return {}
    tenants = connection.execute(
        "SELECT slug, isolation, cell, coalesce((to_jsonb(t)->>'moving')::boolean, false) FROM tenantry_ledger.tenants t"
    ).fetchall()
    cells = frozenset(naming.cell_database(cell) for _, _, cell, _ in tenants)
    homes: dict[str, frozenset[str]] = {}
    for slug, isolation, cell, moving in tenants:
        here = cells if moving else frozenset({naming.cell_database(cell)} if isolation == "schema" else ())
        homes |= {naming.tenant_app(slug, turn): here for turn in (0, 1)}
    return homes
