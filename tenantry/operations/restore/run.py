"""Restoring a tenant, and taking that back, as durable work.

Until the doors are shut the tenant notices nothing, and whatever fails leaves it as it was. From then on what was there is kept, so each
failure has two ways out: `tenantry resume` and `tenantry restore rollback`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import backups, occupancy, restores, runs, works
from tenantry.errors import InputError, WorkError
from tenantry.operations.backup.reading import Stored
from tenantry.operations.restore import assets, registry_rows, staging, swap
from tenantry.postgres import checksums, revisions, tables
from tenantry.postgres.checksums import Figure
from tenantry.stores import disk, doors
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import queue
from tenantry.work.step import ONCE, Kind, Patience, Run, Step


def request(slug: str, backup_id: str, *, into: str | None = None, actor: Actor, tell: Callable[[str], None] = lambda line: None) -> UUID:
    """Asks for the tenant ``slug`` to be restored from its backup, in its place or into the empty tenant ``into``; the run's id.

    Everything that can be wrong is found before the run exists, the whole backup read among it: ``InputError``, and nothing was touched.
    Asked for by the service, the backup is read by the run's first step: a request cannot wait for that.
    A run of the same that was killed or failed half-way is resumed.
    """
    entry = backups.complete(backup_id)
    if entry.tenant_id != naming.tenant_id(slug):
        raise InputError(
            f"backup {backup_id} is {entry.slug or 'another tenant'}'s, not {slug}'s", f"tenantry backup list {slug} shows its backups"
        )
    store = TenantStore.of(into or slug)
    arguments = {"backup": backup_id, "source": slug}
    going = _going(store, arguments)
    if going is not None:
        return queue.join(going, actor=actor)
    _require_ready(store, into)
    stored = Stored.open(backup_id, tell)
    disk.require(stored.room, store.slug, store.server)
    if not actor.in_request:
        stored.check(tell)
    return queue.request(runs.Request(RESTORE.name, store.slug, tenant_id=store.id, stack=store.stack, arguments=arguments, actor=actor))


def request_rollback(slug: str, *, actor: Actor) -> UUID:
    """Asks for what the tenant's open restore replaced to be put back; the run's id."""
    store = TenantStore.of(slug)
    found = restores.require(slug, store.id)
    if swap.has_kept(store):
        _require_head(store)
    arguments = {"restore": found.id, "backup": found.backup_id}
    last = runs.last(store.id, ROLLBACK.name)
    if last is not None and last["state"] == "failed" and last["arguments"] == arguments:
        return queue.join(last["id"], actor=actor)  # a new run would take what is staged already for the restore's, and drop it
    return queue.request(runs.Request(ROLLBACK.name, slug, tenant_id=store.id, stack=store.stack, arguments=arguments, actor=actor))


def _going(store: TenantStore, arguments: dict[str, str]) -> UUID | None:
    """The run that is to be resumed: under way, or failed with the doors shut. ``InputError`` for one from another backup."""
    last = runs.last(store.id, RESTORE.name)
    if last is None:
        return None
    half_made = restores.open_of(store.id)
    if half_made is not None and half_made.going_back:
        return None
    if last["state"] not in runs.OPEN and not (half_made and half_made.state == "running" and half_made.id == str(last["id"])):
        return None
    if last["arguments"] != arguments:
        raise InputError(
            f"a restore of {store.slug} from {last['arguments']['backup']} is not finished",
            f"tenantry resume {last['id']}, then restore again",
            code="restore.underway",
        )
    return UUID(str(last["id"]))


def _require_ready(store: TenantStore, into: str | None) -> None:
    occupancy.refuse(store.id, works.Kind.RESTORE)
    _require_head(store)
    if store.state not in ("active", "suspended", "offboarding"):
        raise InputError(f"tenant {store.slug} is {store.state}", f"tenantry provision {store.slug} finishes it", code="tenant.state")
    if into is not None:
        with store.acting(store.owner, read_only=True) as connection:  # what a revision wrote for everybody is nobody's data
            names = tables.names(connection, store.schema)
        full = [table for table, figure in staging.live_figures(store).items() if figure.rows and table in names]
        if full:
            raise InputError(f"tenant {into} has data already: {', '.join(full)}", "restore into a new tenant")


def _require_head(store: TenantStore) -> None:
    """What is staged is at the newest revision. Rows go into shared tables only where these are too: ``InputError``."""
    if not store.shared:
        return
    with store.connected() as connection:
        found = revisions.version(connection, store.schema)
    head = revisions.head("tenant")
    if found is not None and revisions.newer("tenant", found):
        raise InputError(f"the cell {store.cell} has tables of revision {found}; this Tenantry knows up to {head}", "use the newer version")
    if found != head:
        raise InputError(
            f"the tables of cell {store.cell} are at revision {found}, not at {head}",
            f"tenantry migrate (once the doors are shut: tenantry up --stack {store.stack}), then the same command again",
        )


def _store(run: Run) -> TenantStore:
    return TenantStore.of(run.subject)


def _stage(run: Run) -> str:
    store, stored = _store(run), Stored.open(str(run.arguments["backup"]), run.tell)
    occupancy.refuse(run.tenant, works.Kind.RESTORE_BEGINS, but=run.id)  # a move that wants to begin from now on finds this run at work
    if run.actor.in_request:
        stored.check(run.tell)
    run.tell(f"restoring {stored.manifest.rows} rows beside the tenant's")
    found = staging.build(store, stored)
    run.note("figures", {table: figure.model_dump(mode="json") for table, figure in found.items()})
    return f"{stored.manifest.rows} rows in {len(found)} tables, as saved at {stored.manifest.taken_at:%Y-%m-%d %H:%M:%S}"


def _shut(run: Run) -> str:
    store = _store(run)
    if not swap.has_staged(store):
        raise WorkError(f"what was staged for {store.slug} is gone", "restore again")
    try:
        with occupancy.between_roll_outs(works.Kind.RESTORE_BEGINS, f"{store.slug} is restored"):
            _require_head(store)  # the last moment at which nobody has noticed anything
            restores.begin(run.tenant, str(run.id), str(run.arguments["backup"]))
    except InputError:
        staging.discard(store)
        raise
    restores.require_open(str(run.id))
    doors.shut(store, "restore")
    return "nobody gets in while the data is replaced"


def _swap(run: Run) -> str:
    store = _store(run)
    restores.require_open(str(run.id))
    if swap.has_staged(store):
        staging.require_revision(store)
    restores.remember(str(run.id), {"registry": registry_rows.current(store.id), "objects": assets.current(store)})
    if not swap.swap(store) and not swap.has_kept(store):
        raise WorkError(f"what was staged for {store.slug} is gone", f"tenantry restore rollback {store.slug}, then restore again")
    restores.swapped(str(run.id))
    return "the restored tables are the tenant's; what was there is kept"


def _beside(run: Run) -> str:
    restores.require_open(str(run.id))
    store, stored = _store(run), Stored.open(str(run.arguments["backup"]))
    rows = stored.registry()
    if stored.manifest.tenant_id != store.id:
        rows["invitations"] = []  # their people were invited elsewhere
    counts = registry_rows.put(store.id, rows, Actor(f"restore of {stored.entry.id}"))
    written, gone = assets.put(store, stored)
    said = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if number)
    return f"{said or 'no registry rows'}; {written} objects written, {gone} taken away"


def _check(run: Run) -> str:
    store = _store(run)
    expected = {table: Figure.model_validate(figure) for table, figure in run.notes["figures"].items()}
    problems = checksums.differences(expected, staging.live_figures(store))
    if problems:
        raise WorkError(
            f"tenant {store.slug} is not what was restored: {'; '.join(problems[:3])}", f"tenantry restore rollback {store.slug}"
        )
    staging.require_sequences(store)
    return f"{sum(figure.rows for figure in expected.values())} rows in {len(expected)} tables, equal by count and checksum"


def _open(run: Run) -> str:
    store = _store(run)
    restores.require_open(str(run.id))
    doors.reopen(store)
    if run.arguments["source"] != run.subject:  # a new tenant: what was there was nothing
        swap.drop_kept(store)
        restores.end(str(run.id), "confirmed")
        return "the tenant is open"
    restores.keep(str(run.id))
    return f"the tenant is open; what was replaced is kept for {restores.KEEP}: tenantry restore confirm|rollback {store.slug}"


def _steps(_: Run) -> Sequence[Step]:
    return (
        Step("restore beside", _stage, ONCE),
        Step("shut the doors", _shut),
        Step("swap", _swap),
        Step("registry and objects", _beside),
        Step("check", _check, Patience(3)),
        Step("open the doors", _open),
    )


def _back_shut(run: Run) -> str:
    store = _store(run)
    restores.require_open(str(run.arguments["restore"]), going_back=True)
    run.note("swapped", swap.has_kept(store))
    doors.shut(store, "rollback of a restore")
    return "nobody gets in while the data is put back"


def _back_stage(run: Run) -> str:
    store = _store(run)
    if not run.notes["swapped"]:
        staging.discard(store)
        return ""
    if swap.has_kept(store):
        staging.discard(store)
        swap.stage_kept(store)
    staging.settle(store)
    return "what was replaced is at today's revision"


def _back_swap(run: Run) -> str:
    if not run.notes["swapped"]:
        return ""
    store = _store(run)
    swap.swap(store, keep=False)
    swap.drop_kept(store)
    return "the tenant has the tables that it had before the restore"


def _back_beside(run: Run) -> str:
    store = _store(run)
    found = restores.require_open(str(run.arguments["restore"]), going_back=True)
    if not found.details:  # the restore had not come to the swap
        return ""
    registry_rows.put(store.id, found.details["registry"], Actor(f"rollback of the restore of {found.backup_id}"))
    assets.put_back(store, found.details["objects"])
    return "users, runtime values and objects as before"


def _back_open(run: Run) -> str:
    doors.reopen(_store(run))
    restores.end(str(run.arguments["restore"]), "rolled-back")
    return "the tenant is open"


def _back_steps(_: Run) -> Sequence[Step]:
    return (
        Step("shut the doors", _back_shut),
        Step("stage what was kept", _back_stage),
        Step("swap back", _back_swap),
        Step("registry and objects", _back_beside),
        Step("open the doors", _back_open),
    )


RESTORE: Final = Kind("restore", _steps)
ROLLBACK: Final = Kind(restores.ROLLBACK, _back_steps)
