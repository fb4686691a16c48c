"""Suspending, reactivating, off-boarding and bringing back: what the state says, who may come in, and the engine's run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import admission, lifecycle, occupancy, outbox, runs, unmade, works
from tenantry.control.database import transaction
from tenantry.declaration.keeper import Change
from tenantry.declaration.store import DeclarationStore
from tenantry.engine.applied import Evidence
from tenantry.errors import InputError, TransientError
from tenantry.operations import engine_step, mailing, unmerged, welcome
from tenantry.operations.lifecycle import states
from tenantry.settings import platform_settings
from tenantry.stores import access
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import queue
from tenantry.work.step import Kind, Parts, Patience, Run, Step

if TYPE_CHECKING:
    import psycopg

TARGETS: Final = {"suspend": "suspended", "reactivate": "active", "offboard": "offboarding"}

WISHES: Final = ("delete", "archive")


def request(command: str, slug: str, *, actor: Actor, to: str | None = None, wish: str | None = None, days: int | None = None) -> UUID:
    """Asks for ``suspend``, ``reactivate``, ``offboard`` or ``undelete``; the run's id. One of the kind that failed is resumed.

    What the registry says, the hold, the file and the run change together, before anything that could have to wait; then access is
    cut. ``to``: where `undelete` leads (None: to what it was before); ``wish`` and ``days``: what follows the hold of an `offboard`, and
    how long it is (the platform's or longer). ``InputError`` for an unknown tenant, a missing file, or a change that is not allowed.
    """
    if command == "offboard":
        unmade.refuse(slug)
    store = TenantStore.of(slug)
    least, given = _least(days), {"wish": wish, "days": days}
    cuts = command in ("suspend", "offboard")

    def ask(connection: psycopg.Connection[dict[str, Any]]) -> UUID:
        state = lifecycle.lock(connection, store.id) or "deleted"
        states.require(command, slug, state)
        hold, last = lifecycle.hold_of(store.id, connection), runs.newest(connection, store.id, lifecycle.KINDS)
        occupancy.admit(connection, store.id, works.Kind(command))
        again = last if last is not None and last["kind"] == command and last["state"] != "done" else None
        target = TARGETS.get(command) or to or _came_from(hold, again)
        if again is not None and again["state"] == "failed" and again["arguments"]["to"] != target:
            again = None
        before = _before(state, last)
        ends = command == "undelete" or state != "offboarding"  # an edit that was applied may have outlived its hold
        if ends:
            lifecycle.end_hold(connection, store.id)
        if command == "offboard":
            previous = before if before in ("active", "suspended") else "suspended"
            lifecycle.begin_hold(connection, store.id, previous, wish, actor, least=least, days=days)
        if cuts:
            lifecycle.set_state(connection, store.id, target)
            welcome.cancel(connection, store.id)
        # No deletion outlives its hold: resumed in another one, it would sign what was true in the first.
        over = (*lifecycle.KINDS, "delete") if ends or hold is None else lifecycle.KINDS
        runs.cancel(connection, store.id, over, f"{command} was asked for", actor, but=again["id"] if again else None)
        if again is not None and again["state"] == "failed":
            row = runs.reopen(connection, again["id"], actor)
        else:
            arguments = {"to": target, **given, "before": before}
            row = runs.request(
                connection, runs.Request(command, slug, tenant_id=store.id, stack=store.stack, arguments=arguments, actor=actor)
            )
        if row["arguments"]["to"] != target:
            raise InputError(
                f"tenant {slug} is being made {row['arguments']['to']}: run {row['id']}",
                f"let it end, then: tenantry {lifecycle.COMMANDS[row['arguments']['to'], target]} {slug}",
                code="tenant.busy",
            )
        with suppress(TransientError):  # a remote that is away: nobody stays let in for that, and the run says it in the file
            _say(slug, target, actor)  # last: what is refused leaves the file alone
        return queue.enqueue(connection, row)

    run_id = queue.asked(ask)
    if cuts:
        access.shut(store)
    return run_id


def _came_from(hold: lifecycle.Hold | None, again: dict[str, Any] | None) -> str:
    """Where `undelete` leads: what the hold says; once that has ended, what the run says that ended it."""
    if hold is not None:
        return hold.previous_state
    return str(again["arguments"]["to"]) if again is not None else "suspended"


def _before(state: str, last: dict[str, Any] | None) -> str:
    """What the tenant was: while it is brought back the registry still says ``offboarding``."""
    back = state == "offboarding" and last is not None and last["kind"] == "undelete"
    return str(last["arguments"]["to"]) if back and last is not None else state


def _least(wanted: int | None) -> int:
    """The platform's hold in days. ``InputError`` when a shorter one is wanted."""
    least = int(platform_settings().hold_days)
    if wanted is not None and wanted < least:
        raise InputError(f"a hold of {wanted} days is shorter than the platform's {least}", "tenantry:holdDays in Pulumi.yaml is the least")
    return least


@contextmanager
def _standing(run: Run) -> Iterator[psycopg.Connection[dict[str, Any]] | None]:
    """A transaction in which nobody asks for another change of the tenant; None when someone has: that one's run says what holds."""
    with lifecycle.locked(run.tenant) as connection:
        newest = runs.newest(connection, run.tenant, lifecycle.KINDS)
        yield connection if newest is None or newest["id"] == run.id else None


def _shut_out(run: Run) -> str:
    """Once more what `request` has done: it may have been killed in between."""
    with _standing(run) as connection:
        if connection is None:
            return ""
        lifecycle.set_state(connection, run.tenant, run.arguments["to"])
        welcome.cancel(connection, run.tenant)
    return access.shut(TenantStore.of(run.subject))


def _hold(run: Run) -> str:
    hold = lifecycle.hold_of(run.tenant)
    if hold is None:
        return ""
    what = {"delete": ", then deleted", "archive": ", then archived"}.get(hold.wish or "", "")
    return f"held until {hold.until:%Y-%m-%d %H:%M} UTC{what}"


def _end_hold(run: Run) -> str:
    """It ended when this was asked for. A deletion that was at work then has failed of that by now: nobody goes on with it."""
    with _standing(run) as connection:
        if connection is None:
            return ""
        runs.cancel(connection, run.tenant, ("delete",), "undelete was asked for", run.actor)
    return "the hold has ended, nothing was deleted"


def _say(slug: str, state: str, actor: Actor) -> None:
    DeclarationStore.of_platform().edit(slug, {"state": state}, change=Change(f"state: {state}", actor))


def _declare(run: Run) -> str:
    with _standing(run) as connection:
        if connection is None:
            return ""
        _say(run.subject, run.arguments["to"], run.actor)
    return f"tenants/{run.subject}.yaml of {unmerged.place()} says state: {run.arguments['to']}"


def _engine(run: Run) -> str:
    """Nothing to do when a run that ended since has made what is declared: runs of a stack share the work."""
    admitted = admission.load()
    declaration = admitted.declared.get(run.subject)
    is_to = declaration is not None and declaration.state == run.arguments["to"]
    if is_to and not Evidence.of([str(run.stack)]).pending(admitted, run.subject):
        return "as declared, made by a run of the same stack"
    return engine_step.make(run, str(run.stack), admitted)


def _settle(run: Run) -> str:
    """Says last what the engine does not say where its state never knew of the change that is taken back."""
    store, state = TenantStore.of(run.subject), run.arguments["to"]
    with _standing(run) as connection:
        if connection is None:
            return ""
        lifecycle.set_state(connection, store.id, state)
        # Within: whoever asks for a suspension now shuts the role after it was opened.
        return access.open_again(store) if state == "active" else access.shut(store)


def _tell_administrators(run: Run) -> str:
    """One mail to each administrator for each suspension."""
    if run.arguments["before"] != "active" or TenantStore.of(run.subject).state == "active":
        return ""
    with transaction() as connection:
        mails = [
            outbox.add(connection, run.tenant, "suspended", row["email"], {"user_name": row["name"]}, f"suspended:{run.id}:{row['email']}")
            for row in lifecycle.administrators(connection, run.tenant)
        ]
    sent = mailing.deliver(mails).sent
    return f"{sent} sent" + (f", {len(mails) - sent} with the outbox" if len(mails) > sent else "") if mails else ""


_ENGINE = Step("stack", _engine, Patience(10))


def _suspend(_: Run) -> Sequence[Step | Parts]:
    return (Step("access", _shut_out), Step("declaration", _declare), _ENGINE, Step("mail", _tell_administrators))


def _reactivate(_: Run) -> Sequence[Step | Parts]:
    return (Step("declaration", _declare), _ENGINE, Step("access", _settle))


def _offboard(_: Run) -> Sequence[Step | Parts]:
    return (
        Step("access", _shut_out), Step("hold", _hold), Step("declaration", _declare), _ENGINE, Step("mail", _tell_administrators),
    )  # fmt: skip


def _undelete(_: Run) -> Sequence[Step | Parts]:
    return (Step("hold", _end_hold), Step("declaration", _declare), _ENGINE, Step("access", _settle))


SUSPEND: Final = Kind("suspend", _suspend)
REACTIVATE: Final = Kind("reactivate", _reactivate)
OFFBOARD: Final = Kind("offboard", _offboard)
UNDELETE: Final = Kind("undelete", _undelete)
