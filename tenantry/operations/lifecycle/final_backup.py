"""The final backup of a tenant that is deleted: taken, proven by a restore, and taken again while someone still writes."""

from __future__ import annotations

import json
from typing import Any, Final

import psycopg

from tenantry.clients import objects
from tenantry.errors import TenantryError, WorkError
from tenantry.operations import backup
from tenantry.operations.backup import contents, extract
from tenantry.operations.backup.reading import Stored
from tenantry.postgres import checksums
from tenantry.postgres.server import passes
from tenantry.stores.tenant_store import TenantStore
from tenantry.work.step import Run

FRESH_BACKUPS: Final = 3
"""How often another backup is taken because someone wrote after the last one."""

LIVING: Final = ("tenant_configurations", "users", "user_settings")
"""Tables of the registry that change by what people do. The others follow the declaration, the hold, or these."""


def take(run: Run) -> str:
    """Takes it, as a step; ``notes['backup']`` is its name."""
    taken = backup.create(run.subject, "final", run)
    run.note("backup", taken.id)
    return f"{taken.id}: {taken.manifest.rows} rows, {len(taken.manifest.objects)} objects, {taken.bytes} bytes"


def prove(run: Run) -> str:
    """Restores it into scratch and compares, as a step. One that fails its proof is not tried again: the resumed run takes another."""
    if run.notes["backup"] in run.notes.get("rejected", []):
        take(run)
    name = run.notes["backup"]
    try:
        proof = backup.prove(name, run.tell)
        backup.require(proof)
    except (TenantryError, psycopg.Error) as error:
        if not passes(error):
            cause = error.message if isinstance(error, TenantryError) else str(error).splitlines()[0]
            run.note("rejected", [*run.notes.get("rejected", []), name])
            raise WorkError(
                f"the final backup {name} is not proven, and nothing was dropped: {cause}", "resumed, the run takes another backup"
            ) from error
        raise
    run.note("proven", {"id": name, "rows": proof.rows, "objects": proof.objects})
    return f"{name} restored into scratch and equal: {proof.rows} rows, {proof.objects} objects"


def renew(run: Run, store: TenantStore) -> None:
    """Sees to it that the proven backup holds all there is. ``WorkError`` when the tenant is written to again and again."""
    changed = _changed(run, store)
    for _ in range(FRESH_BACKUPS):
        if not changed:
            break
        run.tell(f"written to since the backup ({changed[0]}): taking another")
        take(run)
        prove(run)
        changed = _changed(run, store)
    if changed:
        raise WorkError(
            f"tenant {run.subject} is still written to: {'; '.join(changed[:3])}",
            "end what writes to it; its cell's application must obey the registry",
        )


def _changed(run: Run, store: TenantStore) -> list[str]:
    """As sentences, what tables, registry and objects hold that the proven backup does not, or the other way round."""
    stored = Stored.open(run.notes["proven"]["id"])
    with extract.snapshot(store) as snapshot:
        found = checksums.differences(stored.manifest.tables, snapshot.figures())
    saved, now = stored.registry(), contents.registry_rows(store)
    found += [f"{table} in the registry is not the same" for table in LIVING if _lines(saved[table]) != _lines(now[table])]
    # By version: an object of which S3 keeps none is compared by its size alone.
    kept = {(entry.key, entry.version_id, entry.size) for entry in stored.manifest.objects}
    there = {
        (version.key.removeprefix(store.prefix), version.version_id, version.size)
        for version in objects.current(store.bucket, store.prefix)
    }
    return found + [f"object {key} is not the same" for key in sorted({key for key, _, _ in kept ^ there})]


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)
