"""What may be moved where: everything that can be refused is refused before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import moves, occupancy, open_moves, runs, works
from tenantry.control.ledger import Ledger
from tenantry.control.open_moves import Move
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.keeper import Change
from tenantry.declaration.model import ISOLATIONS
from tenantry.declaration.placement import Place
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError
from tenantry.operations import table_check
from tenantry.postgres.server import Server
from tenantry.stores import disk
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import queue

KEEP: Final = timedelta(days=7)
"""How long the old place is kept for a rollback, unless asked for otherwise."""


@dataclass(frozen=True)
class Plan:
    """A move that can be done; without ``source`` the tenant lives there already."""

    slug: str
    tenant_id: UUID
    source: Place | None
    target: Place


def plan(slug: str, isolation: str | None, cell: str | None) -> Plan:
    """Where the tenant would go: what is named, else what its file says. ``InputError`` for what cannot be."""
    if isolation is not None and isolation not in ISOLATIONS:
        raise InputError(f"there is no isolation {isolation}", f"one of: {', '.join(ISOLATIONS)}")
    if cell is not None:
        naming.require_cell(cell)
    store = TenantStore.of(slug)
    declaration = _declared(slug)
    for said, by in ((declaration.state, f"tenants/{slug}.yaml says it is"), (store.state, "the registry has it as")):
        if said not in ("active", "suspended"):
            raise InputError(
                f"tenant {slug} cannot be moved: {by} {said}", "only an active or suspended tenant is moved", code="tenant.state"
            )
    with Server.from_environment().kept() as connection:
        book = Ledger.read(connection, store.stack)
    known = book.tenants.get(slug)
    if known is None:
        raise InputError(f"tenant {slug} was never made completely", f"tenantry up {slug} first", code="tenant.state")
    occupancy.refuse(store.id, works.Kind.MOVE)
    asked = isolation is not None or cell is not None
    source = Place(store.isolation, store.cell, known.turn)  # type: ignore[arg-type]  # the registry checks the word
    target = Place(
        (isolation or source.isolation) if asked else declaration.isolation,  # type: ignore[arg-type]  # checked above
        (cell or source.cell) if asked else declaration.cell,
    )
    if (target.isolation, target.cell) == (source.isolation, source.cell):
        return Plan(slug, store.id, None, source)
    crosses = target.isolation != source.isolation or target.isolation in naming.POOLED
    if crosses:
        table_check.refuse_move(store, into_shared=target.isolation == "rls")
    if crosses and target.isolation != "instance":  # a server of its own is made with room
        disk.require(disk.copy_of(store), slug, None)
    return Plan(slug, store.id, source, target._replace(turn=1 - source.turn if crosses else source.turn))


def request(wanted: Plan, *, keep: timedelta = KEEP, actor: Actor) -> UUID:
    """Asks for the move; the run's id. One that failed is resumed. ``InputError`` while another one is open."""
    assert wanted.source is not None  # noqa: S101  # whoever asks has looked
    arguments = {"source": wanted.source._asdict(), "target": wanted.target._asdict(), "keep_seconds": int(keep.total_seconds())}
    return _request("move", wanted.slug, wanted.tenant_id, arguments, actor=actor)


def joined(slug: str, isolation: str | None, cell: str | None, *, actor: Actor) -> UUID | None:
    """The run of the open move when it goes where is asked, put to work again where it had failed; None when no move is open.

    ``InputError`` when it goes elsewhere, or has arrived.
    """
    move = open_moves.of(slug)
    if move is None:
        return _killed_early(slug, isolation, cell, actor)
    same = isolation in (None, move.target.isolation) and cell in (None, move.target.cell)
    if moves.going_back(move.id):
        raise InputError(f"the move of {slug} is being taken back", f"tenantry move {slug} --rollback resumes that", code="move.underway")
    if same and move.phase in ("copying", "switched"):
        return queue.join(move.id, actor=actor)
    last = runs.read(move.id)
    if same and move.phase == "moved":
        return queue.join(move.id, actor=actor) if last["state"] == "failed" else move.id
    raise InputError(
        f"tenant {slug} is being moved to {move.target} ({move.phase})",
        f"end that first: tenantry move {slug} --finish, or --rollback",
        code="move.underway",
    )


def _killed_early(slug: str, isolation: str | None, cell: str | None, actor: Actor) -> UUID | None:
    """The run of the move that was asked for and has not opened it yet."""
    last = runs.last(TenantStore.of(slug).id, "move")
    if last is None or last["state"] not in runs.OPEN:
        return None
    target = Place(**last["arguments"]["target"])
    if isolation not in (None, target.isolation) or cell not in (None, target.cell):
        return None
    return queue.join(last["id"], actor=actor)


def follow_up(kind: str, slug: str, *, actor: Actor) -> UUID:
    """Asks for ``move-finish`` or ``move-rollback``; the run's id. ``InputError`` when there is no move, or it is too early or too late."""
    last = runs.last(TenantStore.of(slug).id, kind)
    if last is not None and last["state"] in runs.OPEN:  # the move may be closed already, and the run killed before its end
        return queue.join(last["id"], actor=actor)
    move = open_moves.must(slug)
    allowed = {
        "move-finish": ("moved", "finishing", "clearing"),
        "move-rollback": ("copying", "switched", "moved", "returned", "undoing", "unmaking"),
    }
    if move.phase not in allowed[kind]:
        what = "has not arrived" if kind == "move-finish" and move.phase in ("copying", "switched") else f"is {move.phase}"
        raise InputError(f"the move of {slug} {what}", _next(move), code="move.underway")
    return _request(kind, slug, move.tenant_id, {"move": str(move.id)}, actor=actor)


def came_from(rollback: UUID) -> Place:
    """Where the tenant lives once that run of ``move-rollback`` has ended."""
    move = runs.read(UUID(runs.read(rollback)["arguments"]["move"]))
    return Place(**move["arguments"]["source"])


def _next(move: Move) -> str:
    if move.phase in ("copying", "switched"):
        return f"tenantry move {move.slug} resumes it, --rollback gives it up"
    return f"tenantry move {move.slug} {'--finish' if move.switched else '--rollback'} resumes it"


def _request(kind: str, slug: str, tenant_id: UUID, arguments: dict[str, Any], *, actor: Actor) -> UUID:
    last = runs.last(tenant_id, kind)
    if last is not None and last["state"] == "failed" and last["arguments"] == arguments and kind != "move":
        return queue.join(last["id"], actor=actor)
    # No stack: a copy of hours must not keep a cell's other tenants waiting. Runs of the engine take the stack's lock when they need it.
    return queue.request(runs.Request(kind, slug, tenant_id=tenant_id, arguments=arguments, actor=actor))


def write_file(slug: str, place: Place, actor: Actor | None = None) -> bool:
    """Lets the tenant's file say where it lives, and leaves every other character alone; whether that was needed."""
    declaration = _declared(slug)
    now = {"isolation": declaration.isolation, "cell": declaration.cell}
    wanted = {"isolation": place.isolation, "cell": place.cell}
    change = Change(f"isolation: {place.isolation}, cell: {place.cell}", actor or Actor.of_environment())
    different = {key: value for key, value in wanted.items() if value != now[key]}
    before, after = DeclarationStore.of_platform().edit(slug, different, change=change)
    return before != after


def _declared(slug: str) -> TenantDeclaration:
    declared = DeclarationStore.of_platform().load()
    if slug not in declared:
        raise InputError(
            f"no file tenants/{slug}.yaml", "bring the file back: it is what the tenant is made from", code="declaration.missing"
        )
    return declared[slug]
