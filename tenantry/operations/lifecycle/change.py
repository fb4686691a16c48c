"""Suspending, reactivating, off-boarding and bringing back: what the state says, who may come in, and the engine's run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from tenantry.clients import lifecycle, registry, runs
from tenantry.clients.stores import TenantStore
from tenantry.errors import InputError
from tenantry.operations import durable, engine_step
from tenantry.operations.lifecycle import access, declared, states
from tenantry.operations.steps import Kind, Parts, Patience, Run, Step
from tenantry.settings import PlatformSettings, project_root

TARGETS: Final = {"suspend": "suspended", "reactivate": "active", "offboard": "offboarding"}

WISHES: Final = ("delete", "archive")


def request(
    command: str, slug: str, *, by: str, via: str = "cli", to: str | None = None, wish: str | None = None, days: int | None = None
) -> UUID:
    """Asks for ``suspend``, ``reactivate``, ``offboard`` or ``undelete``; the run's id.

    The file is edited and access is cut here already, before anything that could have to wait. ``to``: where `undelete` leads (None:
    to what it was before); ``wish`` and ``days``: what follows the hold of an `offboard`, and how long it is (the platform's or longer).
    ``InputError`` for an unknown tenant, a missing file, or a change that is not allowed.
    """
    store = TenantStore.of(slug)
    states.require(command, slug, store.state)
    if command == "offboard":
        states.refuse_busy(slug, store.id)
    hold = lifecycle.hold_of(store.id)
    if command == "undelete":
        lifecycle.refuse_begun(hold)
    target = TARGETS.get(command) or to or (hold.previous_state if hold else "suspended")
    arguments = {"to": target, "wish": wish, "days": _days(days), "before": store.state}
    declared.set_state(slug, target)
    if target != "active" and store.state == "active":
        shut_out(store, "suspended")
    return durable.request(runs.Request(command, slug, tenant_id=store.id, stack=store.stack, arguments=arguments, by=by, via=via))


def _days(wanted: int | None) -> int:
    least = int(PlatformSettings.from_project(project_root()).hold_days)
    if wanted is not None and wanted < least:
        raise InputError(f"a hold of {wanted} days is shorter than the platform's {least}", "tenantry:holdDays in Pulumi.yaml is the least")
    return least if wanted is None else wanted


def shut_out(store: TenantStore, state: str) -> str:
    """Cuts access at once: the registry's answer, the role, its sessions; and takes back the mails of the tenant's first days."""
    from tenantry.operations import welcome

    with lifecycle.locked(store.id) as connection:
        lifecycle.set_state(connection, store.id, state)
        welcome.cancel(connection, store.id)
    return access.shut(store)


def _shut_out(run: Run) -> str:
    return shut_out(TenantStore.of(run.subject), run.arguments["to"])


def _hold(run: Run) -> str:
    before = run.arguments["before"]
    hold = lifecycle.begin_hold(
        run.tenant,
        run.arguments["days"],
        before if before in ("active", "suspended") else "suspended",
        run.arguments["wish"],
        run.requested_by,
    )
    what = {"delete": ", then deleted", "archive": ", then archived"}.get(hold.wish or "", "")
    return f"held until {hold.until:%Y-%m-%d %H:%M} UTC{what}"


def _end_hold(run: Run) -> str:
    lifecycle.end_hold(run.tenant)
    return "the hold has ended, nothing was deleted"


def _declare(run: Run) -> str:
    declared.set_state(run.subject, run.arguments["to"])
    return f"tenants/{run.subject}.yaml says state: {run.arguments['to']}"


def _engine(run: Run) -> str:
    return engine_step.apply(run, str(run.stack))


def _settle(run: Run) -> str:
    """Says last what the engine does not say where its state never knew of the change that is taken back."""
    store, state = TenantStore.of(run.subject), run.arguments["to"]
    with lifecycle.locked(store.id) as connection:
        lifecycle.set_state(connection, store.id, state)
    return access.open_again(store) if state == "active" else access.shut(store)


def _tell_administrators(run: Run) -> str:
    """One mail to each administrator for each suspension."""
    from tenantry.clients import outbox
    from tenantry.operations import mailing

    if run.arguments["before"] != "active":
        return ""
    with registry.transaction() as connection:
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
