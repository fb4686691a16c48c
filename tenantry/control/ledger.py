"""The ledger: what each stack has claimed, which tenants it holds, and whether its last run came to its end.

It is written before the first resource of a run, in the server's maintenance database, and is what lets a later run adopt what a
killed one left (docs/adr/0002-adoption.md).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from tenantry.backend.stack_state import NOTHING, State
from tenantry.control import ledger_schema, open_moves, program_age, stack_runs
from tenantry.control.ledger_schema import FORM
from tenantry.control.origin import Origin
from tenantry.control.stack_runs import StackRun
from tenantry.postgres import locks

if TYPE_CHECKING:
    from tenantry.control.open_moves import Move
    from tenantry.declaration.placement import Place

Kind = Literal["role", "database", "hostname"]


class Claim(NamedTuple):
    """A physical name that a stack is going to make; ``tenant`` is a slug, or None for the platform's own."""

    kind: Kind
    name: str
    tenant: str | None


class KnownTenant(NamedTuple):
    """A tenant as its last run left it."""

    slug: str
    stack: str
    isolation: str
    cell: str
    state: str
    fingerprint: str | None = None
    """Of the declaration that was applied by a run that reached its end (docs/adr/0008)."""
    turn: int = 0
    """See ``Place``."""
    moving: bool = False
    origin: Origin | None = None
    """Of which files it was made; None: not known."""
    earlier: tuple[str, ...] = ()
    """Contents (``Fingerprint.content``) that were made of it and replaced since, the oldest first."""
    declared: str | None = None
    """JSON of the declaration to be written down; None: what is there stays. It is not read with the ledger: see ``declared``."""


@dataclass(frozen=True)
class Ledger:
    """What the ledger holds for one stack when a run starts."""

    stack: str
    claims: Mapping[tuple[str, str], str]  # (kind, name) → stack, for all stacks
    tenants: Mapping[str, KnownTenant]  # of all stacks
    interrupted: bool  # the last run of this stack did not reach its end
    run: StackRun = field(default_factory=StackRun)  # the stack's last, and which state is the stack's
    lineages: Mapping[str, str] = field(default_factory=dict)  # lineage → stack, for all stacks
    moves: Mapping[str, Move] = field(default_factory=dict)  # the moves under way, by slug
    released: frozenset[str] = frozenset()  # tenants whose deletion has proved their final backup
    holders: Mapping[tuple[str, str], str | None] = field(default_factory=dict)  # (kind, name) → tenant that a claim is for
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # stack → the row of its last run, for all stacks

    def without(self, slugs: Collection[str]) -> Ledger:
        """The same, had it never entered these tenants."""
        kept = {key: tenant for key, tenant in self.holders.items() if tenant not in slugs}
        return replace(
            self,
            claims={key: stack for key, stack in self.claims.items() if key in kept or key not in self.holders},
            tenants={slug: known for slug, known in self.tenants.items() if slug not in slugs},
            holders=kept,
        )

    def of_stack(self, stack: str) -> Ledger:
        """What was read, for another stack."""
        run = StackRun.of(self.runs.get(stack))
        return replace(self, stack=stack, run=run, interrupted=run.known and not run.finished)

    def now(self, connection: psycopg.Connection, stack: str) -> Ledger:
        """The ledger as it stands, for a stack: this one, unless a run of any stack has begun or ended since it was read."""
        runs = stack_runs.rows(connection) if _there(connection) else {}
        return self.of_stack(stack) if runs == self.runs else Ledger.read(connection, stack)

    @classmethod
    def read(cls, connection: psycopg.Connection, stack: str) -> Ledger:
        """The ledger as it stands; an empty one on a server that never had one. ``OlderProgram`` for one of a newer form."""
        if not _there(connection):
            return cls(stack, {}, {}, False)
        runs = stack_runs.rows(connection)  # first: `now` finds out about who begins meanwhile
        claims = connection.execute("SELECT kind, name, stack, tenant FROM tenantry_ledger.claims").fetchall()
        # The last columns are younger than the table; a server whose ledger was not written since has none.
        tenants = connection.execute(
            "SELECT slug, stack, isolation, cell, state, to_jsonb(t)->>'applied', coalesce((to_jsonb(t)->>'turn')::int, 0),"
            " coalesce((to_jsonb(t)->>'moving')::boolean, false), to_jsonb(t)->>'released_at',"
            " to_jsonb(t)->'origin', to_jsonb(t)->'earlier' FROM tenantry_ledger.tenants t"
        ).fetchall()
        moves = open_moves.under_way() if any(row[7] for row in tenants) else {}
        return cls(
            stack, {(kind, name): owner for kind, name, owner, _ in claims},
            {row[0]: KnownTenant(*row[:8])._replace(origin=Origin.of(row[9]), earlier=tuple(row[10] or ())) for row in tenants}, False,
            lineages={found["lineage"]: name for name, found in runs.items() if found.get("lineage")},
            moves=moves,
            released=frozenset(row[0] for row in tenants if row[8]),
            holders={(kind, name): tenant for kind, name, _, tenant in claims},
            runs=runs,
        ).of_stack(stack)  # fmt: skip


def last_run(connection: psycopg.Connection, stack: str) -> StackRun:
    """What the ledger says of a stack's last run, and nothing else. ``OlderProgram`` as ``Ledger.read``."""
    return StackRun.of(stack_runs.rows(connection, stack).get(stack) if _there(connection) else None)


def _there(connection: psycopg.Connection) -> bool:
    """Whether the server has a ledger. ``OlderProgram`` for one of a newer form."""
    there, comment = connection.execute(
        "SELECT to_regclass('tenantry_ledger.runs'),"
        " (SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'tenantry_ledger')"
    ).fetchone() or (None, None)
    form = ledger_schema.form_of(comment)
    if there is not None and form > FORM:
        raise program_age.older(f"its ledger is of form {form}, this checkout reads form {FORM}")
    return there is not None


def taken(connection: psycopg.Connection, claims: Collection[Claim]) -> list[Claim]:
    """Those of the claims whose role or database is already on the server."""
    names = [claim.name for claim in claims]
    rows = connection.execute(
        "SELECT 'role', rolname FROM pg_roles WHERE rolname = ANY(%(names)s)"
        " UNION ALL SELECT 'database', datname FROM pg_database WHERE datname = ANY(%(names)s)",
        {"names": names},
    ).fetchall()
    return [claim for claim in claims if (claim.kind, claim.name) in set(rows)]


@contextmanager
def _writing(connection: psycopg.Connection) -> Iterator[None]:
    """A transaction in which nobody else writes the ledger, and in which all of its tables are there."""
    with connection.transaction():
        locks.turn(connection, "ledger")
        ledger_schema.make(connection)
        yield


def begin(
    connection: psycopg.Connection, ledger: Ledger, claims: Collection[Claim], tenants: Collection[KnownTenant], state: State = NOTHING
) -> str:
    """Writes down, in one transaction, that a run of the stack starts with ``state``, and what it is going to make; the stack's lineage.

    A claim of someone else's follows the declaration: the caller has refused what may not change hands (control/host_names.py).
    """

    def entered(claim: Claim) -> bool:
        key = (claim.kind, claim.name)
        return (ledger.claims.get(key), ledger.holders.get(key)) == (ledger.stack, claim.tenant)

    new = sorted((claim for claim in claims if not entered(claim)), key=lambda claim: (claim.kind, claim.name))  # as every other stack
    with _writing(connection):
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO tenantry_ledger.claims AS c (kind, name, stack, tenant) VALUES (%s, %s, %s, %s)"
                # Not what another stack has entered since the ledger was read.
                " ON CONFLICT (kind, name) DO UPDATE SET stack = EXCLUDED.stack, tenant = EXCLUDED.tenant WHERE c.stack = %s",
                [
                    (claim.kind, claim.name, ledger.stack, claim.tenant, ledger.claims.get((claim.kind, claim.name), ledger.stack))
                    for claim in new
                ],
            )
            cursor.execute(
                "UPDATE tenantry_ledger.claims SET wanted = (kind, name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
                " WHERE stack = %s",
                [[claim.kind for claim in claims], [claim.name for claim in claims], ledger.stack],
            )
            # In one statement for all tenants: a cell has hundreds.
            cursor.execute(
                "INSERT INTO tenantry_ledger.tenants (slug, stack, isolation, cell, state, applying, declared, origin, earlier)"
                " SELECT * FROM jsonb_to_recordset(%s) AS t (slug text, stack text, isolation text, cell text, state text, applying text,"
                " declared jsonb, origin jsonb, earlier text[])"
                " ON CONFLICT (slug) DO UPDATE SET state = EXCLUDED.state, applying = EXCLUDED.applying,"
                " declared = coalesce(EXCLUDED.declared, tenants.declared), origin = coalesce(EXCLUDED.origin, tenants.origin),"
                " earlier = EXCLUDED.earlier,"
                # What was there before counts only where nobody has touched the state since that was known.
                " applied = NULL, unchanged = CASE WHEN %s THEN tenants.applied END,"
                # Whoever is brought back needs another final backup before it may go.
                " released_at = CASE WHEN EXCLUDED.state IN ('offboarding', 'archived', 'deleted') THEN tenants.released_at END",
                [
                    Jsonb([_written(tenant) for tenant in sorted(tenants, key=lambda tenant: tenant.slug)]),
                    ledger.run.settled_at is not None and ledger.run.settled_at == state.saved_at,
                ],
            )
        return stack_runs.begin(connection, ledger.stack, ledger.run, state)


def _written(tenant: KnownTenant) -> dict[str, Any]:
    return {
        **dict(zip(("slug", "stack", "isolation", "cell", "state", "applying"), tenant, strict=False)),
        "declared": json.loads(tenant.declared) if tenant.declared else None,
        "origin": tenant.origin.row() if tenant.origin else None,
        "earlier": tenant.earlier,
    }


def declared(connection: psycopg.Connection, slugs: Collection[str]) -> dict[str, str]:
    """Slug → JSON of the declaration that was made last, for those of which it is known."""
    rows = connection.execute(
        "SELECT slug, declared::text FROM tenantry_ledger.tenants WHERE slug = ANY(%s) AND declared IS NOT NULL", [list(slugs)]
    )
    return dict(rows.fetchall())


def confirm(connection: psycopg.Connection, origins: Mapping[str, tuple[Origin, Origin]]) -> None:
    """Writes down newer files that say what was made of these tenants: slug → which those were that the ledger knows, and these. Nothing
    for a tenant of which someone else has written since, or is writing: a run of its stack, which writes of all its tenants, in another
    order, would wait for this one while this one waits for it."""
    if origins:
        connection.execute(
            "UPDATE tenantry_ledger.tenants t SET origin = c.new FROM ("
            "SELECT k.slug, c.new FROM jsonb_to_recordset(%s) AS c (slug text, old jsonb, new jsonb)"
            " JOIN tenantry_ledger.tenants k ON k.slug = c.slug AND k.origin = c.old FOR UPDATE OF k SKIP LOCKED) AS c"
            " WHERE t.slug = c.slug",
            [Jsonb([{"slug": slug, "old": old.row(), "new": new.row()} for slug, (old, new) in origins.items()])],
        )


def restore(connection: psycopg.Connection, tenants: Collection[KnownTenant]) -> None:
    """Brings tenants back that the ledger does not know any more, as the registry has them; makes the ledger where there is none."""
    with _writing(connection), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO tenantry_ledger.tenants (slug, stack, isolation, cell, state, turn) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [(tenant.slug, tenant.stack, tenant.isolation, tenant.cell, tenant.state, tenant.turn) for tenant in tenants],
        )


def mark_moving(connection: psycopg.Connection, slug: str, moving: bool) -> None:
    """Tells every later run whether it has to ask ``control.moves`` where the tenant lives."""
    with _writing(connection):
        connection.execute("UPDATE tenantry_ledger.tenants SET moving = %s WHERE slug = %s", [moving, slug])


def pass_on(connection: psycopg.Connection, slug: str, place: Place) -> None:
    """Writes down, in one transaction, that the tenant and its custom host names are the stack's of ``place`` from now on.

    That stack's next run looks for what it shall take over.
    """
    stack = place.stack(slug)
    with connection.transaction():
        connection.execute(
            "UPDATE tenantry_ledger.tenants SET stack = %s, isolation = %s, cell = %s, turn = %s, applied = NULL WHERE slug = %s",
            [stack, place.isolation, place.cell, place.turn, slug],
        )
        connection.execute("UPDATE tenantry_ledger.claims SET stack = %s WHERE tenant = %s AND kind = 'hostname'", [stack, slug])
        interrupt(connection, stack)


def interrupt(connection: psycopg.Connection, stack: str) -> None:
    """Lets the stack's next run look for things that its state does not know."""
    connection.execute("INSERT INTO tenantry_ledger.runs (stack) VALUES (%s) ON CONFLICT (stack) DO UPDATE SET finished_at = NULL", [stack])


def forget_stack(connection: psycopg.Connection, stack: str) -> None:
    """Forgets the stack of a dedicated tenant, which is no more."""
    connection.execute("DELETE FROM tenantry_ledger.claims WHERE stack = %s", [stack])
    connection.execute("DELETE FROM tenantry_ledger.runs WHERE stack = %s", [stack])
    connection.execute("DELETE FROM tenantry_ledger.engines WHERE stack = %s", [stack])


def let_go(connection: psycopg.Connection, stack: str) -> None:
    """Frees the names that the stack's last run no longer asked for; call it when that run has removed what bore them."""
    connection.execute("DELETE FROM tenantry_ledger.claims WHERE stack = %s AND NOT wanted", [stack])


def let_delete(connection: psycopg.Connection, slug: str) -> None:
    """Writes down that the tenant's final backup is proven: from now on its declaration may say that it is gone."""
    with connection.transaction():
        ledger_schema.make(connection)
        connection.execute("UPDATE tenantry_ledger.tenants SET released_at = coalesce(released_at, now()) WHERE slug = %s", [slug])


def release(connection: psycopg.Connection, slug: str) -> None:
    """Forgets a removed tenant: its names are free again and no file has to declare it any more."""
    connection.execute("DELETE FROM tenantry_ledger.claims WHERE tenant = %s", [slug])
    connection.execute("DELETE FROM tenantry_ledger.tenants WHERE slug = %s", [slug])
