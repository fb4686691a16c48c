"""From one place to the other: copied while the tenant works, followed until little is left, frozen, compared, switched."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Final

import psycopg

from tenantry import naming
from tenantry.clients import prefixes
from tenantry.control import moves, open_moves
from tenantry.control.open_moves import Move
from tenantry.declaration.placement import Place
from tenantry.errors import TransientError, WorkError
from tenantry.postgres import loading, sequences
from tenantry.postgres.checksums import Figure
from tenantry.postgres.migration_turns import keep_out
from tenantry.postgres.revisions import version
from tenantry.postgres.server import Server
from tenantry.stores import changed_rows, rows, turnstile
from tenantry.stores.access import set_login
from tenantry.stores.tenant_store import TenantStore

FEW: Final = 500
"""Changes that are few enough to be brought over while the tenant's writes wait."""
ROUNDS: Final = 60
QUICK: Final = 0.5
"""Seconds that a comparison of every row may take to be done during the freeze."""

# Everywhere below the source's transaction is the outer one: the target's is committed first. What is brought over twice is the same;
# a note that is forgotten too early would be a lost write.

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Way:
    """One direction of a move: there, or back in a rollback."""

    move: Move
    origin: Place
    destination: Place
    switched: str
    """The phase in which the tenant lives at the destination."""
    kept: bool
    """The tenant has lived at the destination before: it is shut, for writes and for log-ins, until the tenant lives there again."""

    @classmethod
    def there(cls, move: Move) -> Way:
        """From source to target."""
        return cls(move, move.source, move.target, "switched", kept=False)

    @classmethod
    def back(cls, move: Move) -> Way:
        """From the target back to the source, which is still there."""
        return cls(move, move.target, move.source, "returned", kept=True)

    @property
    def turnstile(self) -> str:
        """The schema of the turnstile that the tenant's writes pass while it is on this way."""
        return naming.turnstile_schema(self.move.slug, self.origin.turn)

    def stores(self) -> tuple[TenantStore, TenantStore]:
        """Origin and destination."""
        return TenantStore.at(self.move.slug, self.origin), TenantStore.at(self.move.slug, self.destination)


class Unequal(WorkError):
    """What was copied is not what it was copied from; a copy made anew would be."""


def copy(way: Way, tell: Tell) -> str:
    """Puts the turnstile up and copies everything as of one moment after that. Begun again, it copies again."""
    source, target = way.stores()
    objects = prefixes.mirror(source.bucket, target.bucket, source.prefix)
    more = f", {objects} objects" if objects else ""
    if not way.move.crosses_tables:
        return f"the tables stay{more}"
    tables = _tables(source, target)
    turnstile.install(source, way.turnstile, tables)
    turnstile.set_shut(source, way.turnstile, False)
    started = time.monotonic()
    with rows.reading(source) as out, rows.writing(target) as into:
        try:
            count = rows.copy(out, into, tables, source.id, lambda table, total: tell(f"{total} rows copied, now {table}"))
        except psycopg.errors.ForeignKeyViolation as error:
            raise WorkError(
                f"{error.diag.table_name}: {error.diag.constraint_name} points at rows that are not where the rows go",
                "let a revision write them to the reference table, the same for all tenants; then the same again",
            ) from error
        loading.require_references(into, target.schema)
        # What was noted up to the moment that `out` looks at is in the copy.
        changed_rows.forget_notes(out, way.turnstile)
    return f"{count} rows in {time.monotonic() - started:.1f} s{more}"


def catch_up(way: Way, tell: Tell) -> str:
    """Brings the changes over, round by round, until few are left; compares both sides as of one moment."""
    source, target = way.stores()
    objects = prefixes.mirror(source.bucket, target.bucket, source.prefix)
    if not way.move.crosses_tables:
        return f"{objects} objects" if objects else ""
    tables = _tables(source, target)
    _must_be_noted(way, tables)
    total, before = 0, None
    for number in range(1, ROUNDS + 1):
        count = _round(way, source, target, tables).notes
        total += count
        tell(f"round {number}: {count} changes")
        if count <= FEW or (before is not None and number > 5 and count >= before):
            break
        before = count
    with rows.reading(source) as out, rows.writing(target) as into:
        total += _follow(way, out, into, tables).notes
        _, differing = rows.compare(out, into, tables, source.id)
    _must_be_equal(way, differing)
    return f"{total} changes in {number} rounds; all tables equal"


def switch(way: Way) -> str:
    """Freezes the tenant's writes, brings the last changes over, compares every table, and lets the registry say the new place."""
    source, target = way.stores()
    if not way.move.crosses_tables:
        prefixes.mirror(source.bucket, target.bucket, source.prefix)
        with Server.from_environment().connect(naming.CONTROL_DATABASE) as control, moves.switching(control, way.move, way.switched):
            pass
        return f"lives in the bucket {target.bucket} now; nothing had to wait"
    tables = _tables(source, target)
    turnstile.set_shut(source, way.turnstile, False)  # a killed attempt may have shut it and gone no further
    if way.kept:
        set_login(target, False)  # and let it in there
        _set_kept_shut(way, target, True)
    for _ in range(3):
        if _round(way, source, target, tables).notes <= FEW:
            break
    control = Server.from_environment().connect(naming.CONTROL_DATABASE)
    # All connections are open before anybody has to wait.
    with ExitStack() as inside:
        inside.enter_context(control)
        here, there = inside.enter_context(source.connected()), inside.enter_context(target.connected())
        freeze = inside.enter_context(turnstile.ready(source, way.turnstile))
        for store in (source, target):
            keep_out(inside.enter_context(store.connected()), store.schema, store.owner)
        tables = _compared(source, here, target, there)
        _must_be_noted(way, tables)
        # Every row is compared a moment before the freeze; in it once more where that is quick, else those that changed since.
        with rows.reading(source, here) as out, rows.writing(target, there) as into:
            _follow(way, out, into, tables)
            began = time.monotonic()
            figures, differing = rows.compare(out, into, tables, source.id)
            quick = time.monotonic() - began <= QUICK
            sequences.advance(into, target.schema)
        _must_be_equal(way, differing)
        started = time.monotonic()
        freeze.begin()
        with rows.reading(source, here) as out, rows.writing(target, there) as into:
            _must_be_noted(way, tables, out)
            last = _follow(way, out, into, tables)
            differing = last.differing
            if quick or last.anew:
                figures, differing = rows.compare(out, into, tables, source.id)
            _must_be_equal(way, differing)
            sequences.carry(out, into, source.schema, target.schema)
        prefixes.mirror(source.bucket, target.bucket, source.prefix)
        _decide(way, control, freeze, target, there)
        freeze.end()
        frozen_for = time.monotonic() - started
    _see_to_sequences(target)
    moves.measured(way.move, frozen_for, figures)
    return f"writes waited {frozen_for:.2f} s: {last.notes} last changes, {_counted(figures)}, all equal; lives as {way.destination} now"


def _follow(way: Way, out: psycopg.Connection, into: psycopg.Connection, tables: list[rows.Table]) -> changed_rows.Followed:
    """Brings over what was noted. ``Unequal`` for a note about a table that is not copied: what it is about would be lost."""
    source, _ = way.stores()
    followed = changed_rows.follow(out, into, way.turnstile, tables, source.id)
    if followed.unknown:
        raise Unequal(f"{way.move.slug} was written to in tables that are not copied: {', '.join(followed.unknown)}", _anew(way))
    return followed


def _see_to_sequences(target: TenantStore) -> None:
    """Each is where the old one was since the freeze. What took a number of its own choice in the last moment is looked for now that
    nobody waits: to read a column of a large table takes longer than a freeze may."""
    with target.acting(target.owner) as connection:
        sequences.advance(connection, target.schema)
    with target.acting(target.owner) as connection:
        sequences.require_ahead(connection, target.schema)


def _must_be_equal(way: Way, differing: list[str]) -> None:
    if differing:
        raise Unequal(f"the copy of {way.move.slug} is not equal: {'; '.join(differing)}", _anew(way))


def _anew(way: Way) -> str:
    hint = f"tenantry move {way.move.slug} --rollback"
    return f"nothing was switched. Begin anew: {hint}" if way.kept else f"nothing was switched. Begin anew: {hint}, then the same move"


def _decide(way: Way, control: psycopg.Connection, freeze: turnstile.Freeze, target: TenantStore, there: psycopg.Connection) -> None:
    """The old place is shut before the registry names the new one, and a kept one is opened after that: nobody ever finds both open.

    Killed in between, writes are refused, and reads are not, until the move goes on and opens the place where the tenant lives.
    """
    try:
        with moves.switching(control, way.move, way.switched):
            freeze.set_shut(True)
            if way.kept:
                set_login(target, target.state == "active", there)
    except Exception as error:
        # An answer that was lost says nothing about what was committed.
        if open_moves.must(way.move.slug).phase != way.switched:
            freeze.set_shut(False)
            if way.kept:
                there.rollback()
                set_login(target, False, there)
            raise error
    if way.kept:
        reopen(way, target, there)


def reopen(way: Way, target: TenantStore, there: psycopg.Connection | None = None) -> None:
    """Lets writes into a kept place again, now that the tenant lives there."""
    _set_kept_shut(way, target, False, there)


def _set_kept_shut(way: Way, target: TenantStore, shut: bool, there: psycopg.Connection | None = None) -> None:
    turnstile.set_shut(target, naming.turnstile_schema(way.move.slug, way.destination.turn), shut, there)


def _round(way: Way, source: TenantStore, target: TenantStore, tables: list[rows.Table]) -> changed_rows.Followed:
    with rows.reading(source) as out, rows.writing(target) as into:
        return _follow(way, out, into, tables)


def _tables(source: TenantStore, target: TenantStore) -> list[rows.Table]:
    """The tables of both sides. ``TransientError`` while a migration has reached one side only."""
    with source.connected() as one, target.connected() as other:
        return _compared(source, one, target, other)


def _compared(source: TenantStore, one: psycopg.Connection, target: TenantStore, other: psycopg.Connection) -> list[rows.Table]:
    here, there = version(one, source.schema), version(other, target.schema)
    if here != there:
        behind = source if (here or "") < (there or "") else target
        raise TransientError(
            f"the tables of {source.slug} are at revision {here}, those it moves to at {there}",
            f"tenantry up --stack {behind.stack} brings them to the same; then the move goes on",
        )
    tables = rows.describe(one, source.schema)
    if tables != rows.describe(other, target.schema):
        raise WorkError(
            f"the tables of {source.slug} have other columns than those it moves to, at the same revision {here}",
            "something was changed by hand: take it back, or make it a migration",
        )
    one.commit()
    other.commit()
    return tables


def _must_be_noted(way: Way, tables: list[rows.Table], connection: psycopg.Connection | None = None) -> None:
    """A table that a migration brought to both ends after the copy began is not in it, and its writes pass beside the turnstile."""
    source, _ = way.stores()
    with nullcontext(connection) if connection is not None else source.connected() as used:
        unnoted = turnstile.beside(used, source.schema, way.turnstile, tables)
    if unnoted:
        raise Unequal(f"since the copy of {way.move.slug} began, writes to {', '.join(unnoted)} were not noted", _anew(way))


def _counted(figures: Mapping[str, Figure]) -> str:
    return f"{sum(figure.rows for figure in figures.values())} rows in {len(figures)} tables"
