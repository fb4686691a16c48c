"""Deleting or archiving a tenant whose hold is over: nothing is dropped before a final backup is proven, and a signed record is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.backend import state_files
from tenantry.clients import objects
from tenantry.control import admission, deletion_records, ledger, lifecycle, occupancy, outbox, quarantine, runs, works
from tenantry.declaration.keeper import Change
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError, WorkError
from tenantry.operations import engine_step, sso_secret
from tenantry.operations.lifecycle import erasure, final_backup, inventory, states
from tenantry.postgres.server import Server
from tenantry.settings import platform_settings
from tenantry.stores import access
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import queue
from tenantry.work.step import Kind, Log, Parts, Patience, Run, Step

DNS, ASSETS, DATABASE, CONFIGURATION, REGISTRY = ENGINE_PARTS = (
    "DNS, then host names and certificates", "assets", "rows, roles, schema or database", "configuration", "registry and state",
)  # fmt: skip
_PART_OF: Final = {
    "cloudflare": DNS, "TenantDomain": DNS, "aws:s3": ASSETS, "aws:rds": DATABASE, "postgresql": DATABASE, "Store": DATABASE,
    "TenantDatabase": DATABASE, "ConfigurationRows": CONFIGURATION, "TenantRecord": REGISTRY,
}  # fmt: skip

KIND: Final = "delete"


def refuse(slug: str, outcome: str) -> None:
    """``InputError`` for a deletion that ``request`` would not take; nothing is asked for yet."""
    tenant = naming.tenant_id(slug)
    hold, going = lifecycle.hold_of(tenant), under_way(tenant)
    if hold is None and deletion_records.unfinished(slug) is not None:
        return  # the registry has forgotten the tenant
    if hold is None or hold.deleting_since is None:
        states.require(KIND, slug, TenantStore.of(slug).state)
        lifecycle.refuse_held(hold, slug)
    if going is None:
        occupancy.refuse(tenant, works.Kind.DELETE)
        DeclarationStore.of_platform().text(slug)
    elif going["arguments"]["outcome"] != outcome:
        raise InputError(
            f"tenant {slug} is being {going['arguments']['outcome']}: run {going['id']}",
            f"resume that: tenantry resume {going['id']}",
            code="tenant.busy",
        )


def under_way(tenant: UUID) -> dict[str, Any] | None:
    """The tenant's deletion that has failed, waits or is at work; or None."""
    last = runs.last(tenant, KIND)
    return last if last is not None and last["state"] in ("failed", *runs.OPEN) else None


def request(slug: str, outcome: str, *, actor: Actor) -> UUID:
    """Asks for the tenant to be ``deleted`` or ``archived``; the run's id. A deletion that failed is resumed.

    ``InputError`` while the tenant is held, under a legal hold, or in another state than ``offboarding``.
    """
    refuse(slug, outcome)
    tenant = naming.tenant_id(slug)
    going = under_way(tenant)
    # The registry forgets the tenant before the run has ended: a record without an end is a run to go on with, too.
    run_id = going["id"] if going is not None else deletion_records.unfinished(slug)
    if run_id is not None:
        return queue.join(run_id, actor=actor)
    store = TenantStore.of(slug)
    return queue.request(
        runs.Request(KIND, slug, tenant_id=tenant, stack=store.stack, arguments={"outcome": outcome}, actor=actor),
    )


def _checks(run: Run) -> str:
    """The hold, the legal hold, and what there is."""
    store = TenantStore.of(run.subject)
    hold = lifecycle.refuse_held(lifecycle.hold_of(store.id), run.subject)
    states.require(KIND, run.subject, store.state)
    occupancy.refuse(store.id, works.Kind.DELETE, but=run.id)
    _say(run, "offboarding")
    found = inventory.taken(store)
    run.note("existed", found)
    run.note("hold", {"since": hold.since.isoformat(), "until": hold.until.isoformat(), "requested_by": hold.requested_by})
    there = f"{sum(found['rows'].values())} rows, {found['object_versions']} object versions"
    return f"hold over since {hold.until:%Y-%m-%d}, no legal hold; {there}"


def _say(run: Run, state: str) -> None:
    DeclarationStore.of_platform().edit(run.subject, {"state": state}, change=Change(f"state: {state}", run.actor))


def _credentials(run: Run) -> str:
    """Nobody comes in any more."""
    store = TenantStore.of(run.subject)
    lifecycle.refuse_held(lifecycle.hold_of(store.id), run.subject)
    return access.shut(store)


def _release(run: Run) -> str:
    """What was backed up is still all there is; then, in one transaction with the hold and the legal hold, there is no way back."""
    store = TenantStore.of(run.subject)
    final_backup.renew(run, store)
    with lifecycle.locked(store.id) as connection:
        lifecycle.refuse_held(lifecycle.hold_of(store.id, connection), run.subject)
        occupancy.admit(connection, store.id, works.Kind.DELETE, but=run.id)
        connection.execute("UPDATE holds SET deleting_since = coalesce(deleting_since, now()) WHERE tenant = %s", [store.id])
        revoked = connection.execute(
            "UPDATE invitations SET revoked_at = coalesce(revoked_at, now()), token_hash = NULL"
            " WHERE tenant_id = %s AND token_hash IS NOT NULL",
            [store.id],
        ).rowcount
        outbox.cancel(connection, store.id, "the tenant is deleted")
        count = quarantine.put(connection, store.id, names(run), None)
    with Server.from_environment().kept() as connection:
        ledger.let_delete(connection, run.subject)
    return (
        f"nothing was written since the backup; {revoked} invitations taken back, {count} names in quarantine;"
        " from here there is no way back"
    )


def names(run: Run) -> list[tuple[Any, str]]:
    """The names that nobody may have next."""
    return [("slug", run.subject), *(("host", host) for host in run.notes["existed"]["hosts"])]


def _unprotect(run: Run) -> str:
    if not platform_settings().protects:
        return ""
    _say(run, "offboarding")
    return engine_step.apply(run, str(run.stack))


def _remove(run: Run, log: Log) -> None:
    """The engine's run that takes everything away, in the order of its own dependencies."""
    _say(run, run.arguments["outcome"])
    engine_step.apply_in_parts(run, log, str(run.stack), _PART_OF, admission.load())


def _objects(run: Run) -> str:
    existed = run.notes["existed"]
    count = objects.erase(existed["bucket"], existed["prefix"])
    sso_secret.erase(run.subject)
    return f"{count} versions that the engine did not know" if count else ""


def _history(run: Run) -> str:
    """The engine's own history, of every stack that the tenant was in."""
    existed, slug = run.notes["existed"], run.subject
    stacks = {existed["stack"], slug} | erasure.stacks_of(naming.tenant_id(slug))
    words = [str(naming.tenant_id(slug)), f"{existed['prefix']}", f'Tenant::{slug}"', *existed["hosts"]]
    counts = [state_files.forget(stack, [""] if stack == slug else words) for stack in sorted(stacks)]
    if None in counts:
        return "Pulumi Cloud keeps the history of its updates itself"
    removed = sum(count or 0 for count in counts)
    run.note("state_files", removed)
    return f"{removed} earlier states removed"


def _search(run: Run) -> str:
    left = inventory.remains(run.subject, run.notes["existed"])
    if left:
        raise WorkError(
            f"of tenant {run.subject} there is still: {'; '.join(left)}", "look at who made that; remove it by hand if it is not ours"
        )
    return "no role, database, schema, row, object, DNS record or host name is left"


def _record(run: Run) -> str:
    erasure.erase(run)
    return "registry erased, record signed"


def _files(run: Run) -> str:
    removed = DeclarationStore.of_platform().remove(run.subject, Change("removed", run.actor))
    return f"removed {', '.join(removed)}: commit that" if removed else ""


def _forget(run: Run) -> str:
    erasure.forget_runs(run)
    return "the journal keeps this run without the tenant's name"


def _steps(_: Run) -> Sequence[Step | Parts]:
    return (
        Step("checks", _checks),
        Step("final backup", final_backup.take),
        Step("proof by restore", final_backup.prove),
        Step("credentials", _credentials),
        Step("release", _release),
        Step("protection", _unprotect, Patience(10)),
        Parts(ENGINE_PARTS, _remove, Patience(10)),
        Step("object versions", _objects),
        Step("state history", _history),
        Step("search", _search),
        Step("record", _record),
        Step("declaration", _files),
        Step("journal", _forget),
    )


DELETE: Final = Kind(KIND, _steps)
