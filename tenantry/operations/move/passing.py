"""What a move asks of the engine: the tables to move into, the tenant passing from stack to stack, and the removal of what is left."""

from __future__ import annotations

from collections.abc import Iterable

from tenantry import naming
from tenantry.clients import objects
from tenantry.control import admission, ledger, moves, registry
from tenantry.control.ledger import Ledger
from tenantry.control.open_moves import Move
from tenantry.declaration.placement import Place
from tenantry.declaration.store import DeclarationStore
from tenantry.engine.progress import said
from tenantry.errors import WorkError
from tenantry.operations.move.transfer import Tell
from tenantry.postgres.server import Server
from tenantry.stores import turnstile
from tenantry.stores.access import set_login
from tenantry.stores.tenant_store import TenantStore


def prepare(move: Move, tell: Tell) -> str:
    """Makes the tables that the tenant moves into, and the cell's platform where the cell is new."""
    stacks = []
    if ("database", naming.cell_database(move.target.cell)) not in _book(naming.SHARED_STACK).claims:
        stacks.append(naming.cell_stack(move.target.cell))
    # Shared tables are there; but they must know a tenant who takes signed contexts before its rows arrive.
    if move.crosses_tables and (not move.target.shared or DeclarationStore.of_platform().load()[move.slug].row_context == "signed"):
        stacks.append(move.target.stack(move.slug))
    return _up(dict.fromkeys(stacks), tell) if stacks else "the tables are there"


def hand_over(move: Move, phase: str, tell: Tell) -> str:
    """Passes everything that is not tables to the stack of the tenant's home, without anything being removed; then ``phase`` holds.

    Idempotent; goes on with the runs when the phase holds already.
    """
    home, other = move.home, move.source if move.switched else move.target
    stacks = list(dict.fromkeys((home.stack(move.slug), other.stack(move.slug))))
    if move.crosses_tables and not other.shared:
        set_login(TenantStore.at(move.slug, other), False)
    if move.phase != phase:
        if len(stacks) == 2:
            with Server.from_environment().kept() as connection:
                ledger.interrupt(connection, stacks[1])
            count = _forget(stacks[1], move.slug)
            tell(f"{count} resources leave the stack {stacks[1]}")
        with Server.from_environment().kept() as connection:
            ledger.pass_on(connection, move.slug, home)
        moves.advance(move, phase)
    return _up(stacks, tell)


def finish(move: Move, tell: Tell) -> str:
    """Removes the old place: rows, tables, roles, database, objects, stack."""
    if move.phase == "moved":
        move = moves.advance(move, "finishing")
    return _remove(move, move.source, move.target, "finishing", "clearing", "finished", tell)


def undo(move: Move, tell: Tell) -> str:
    """Removes the place that the tenant came back from, or never got to."""
    if move.phase == "copying":
        turnstile.drop(TenantStore.at(move.slug, move.source), naming.turnstile_schema(move.slug, move.source.turn))
        move = moves.advance(move, "unmaking")
    return _remove(move, move.target, move.source, "undoing", "unmaking", "rolled back" if move.switched_at else "given up", tell)


def _remove(move: Move, left: Place, home: Place, first: str, second: str, outcome: str, tell: Tell) -> str:
    slug, stack = move.slug, left.stack(move.slug)
    lives = TenantStore.of(slug)
    if (lives.isolation, lives.cell) != (home.isolation, home.cell):
        raise WorkError(f"the registry has {slug} as {lives.isolation} in {lives.cell}, not as {home}", "nothing was removed; tell us")
    said = []
    if move.phase == first:
        if move.crosses_tables:
            for place in (left, home):
                turnstile.drop(TenantStore.at(move.slug, place), naming.turnstile_schema(slug, place.turn))
            if not left.shared:
                _up([stack], tell)  # takes the protection off
        move = moves.advance(move, second)
    if move.crosses_tables and left.shared:
        store = TenantStore.at(move.slug, left)
        registry.remove_rows(str(move.tenant_id), store.database, store.schema)
        said.append("its rows in the shared tables")
    if stack != home.stack(slug) or (move.crosses_tables and not left.shared):
        said.append(_up([stack], tell))
    if stack == slug != home.stack(slug) and _remove_if_empty(stack):
        said.append(f"the stack {stack}")
    store = TenantStore.at(move.slug, left)
    if store.bucket != lives.bucket:
        said.append(f"{objects.erase(store.bucket, store.prefix)} versions of objects")
    moves.end(move, outcome)
    return f"removed: {'; '.join(said)}" if said else "nothing was left"


def _up(stacks: Iterable[str], tell: Tell) -> str:
    from tenantry.engine.automation import up

    done = []
    for stack in stacks:
        outcome = up(stack, admission.load(), lambda step: tell(f"{step.stack}: {step.verb} {step.name}"))
        done.append(f"{stack}: {said(outcome.changes) or 'as it was'}")
    return "; ".join(done)


def _forget(stack: str, slug: str) -> int:
    from tenantry.engine.automation import forget

    return forget(stack, slug)


def _remove_if_empty(stack: str) -> bool:
    from tenantry.engine.automation import remove_if_empty

    return remove_if_empty(stack)


def _book(stack: str) -> Ledger:
    with Server.from_environment().kept() as connection:
        return Ledger.read(connection, stack)
