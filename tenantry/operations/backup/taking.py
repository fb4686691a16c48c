"""Takes a backup of one tenant."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg

import tenantry
from tenantry.clients import archive, objects
from tenantry.control import backup_keys, backup_manifest, backups
from tenantry.control.backup_manifest import Manifest, Part
from tenantry.errors import TenantryError, WorkError
from tenantry.operations.backup import contents, extract
from tenantry.stores.tenant_store import TenantStore

TELL: Final = 2.0  # seconds between two lines of progress

if TYPE_CHECKING:
    from tenantry.work.step import Run


@dataclass(frozen=True)
class Backup:
    """A finished backup. ``key`` is where it begins in S3 (``bucket/prefix``), ``bytes`` what it takes there."""

    id: str
    key: str
    bytes: int
    seconds: float
    manifest: Manifest


def create(slug: str, reason: str = "manual", run: Run | None = None, tell: Callable[[str], None] | None = None) -> Backup:
    """Takes a backup of the tenant ``slug``; it is listed once it is whole. A failed one leaves nothing in the bucket but what is locked.

    What an earlier attempt of the same ``run`` left, killed on its way, is removed first.
    ``InputError`` for an unknown tenant or a missing program; ``WorkError`` for what fails on the way.
    """
    say = tell or (run.tell if run else lambda line: None)
    store = TenantStore.of(slug)
    objects.require_bucket(backups.bucket())
    recipient = backup_keys.recipient(store.id, say)
    started = time.monotonic()
    backup_id = backups.new_id()
    if run:
        former = backups.known(run.notes.get("backup", ""))
        if former and former.state == "running":
            _remove(former)
        run.note("backup", backup_id)  # first: by it the next attempt finds what this one leaves
    entry = backups.begin(store.id, store.isolation, reason, backup_id)
    try:
        content = _contents(store, entry, recipient, say)
        stored = backup_manifest.sealed(content, recipient)
        objects.put(entry.bucket, entry.key(backup_manifest.NAME), stored)  # last: without it, it is no backup
    except BaseException:
        # Why it failed is what counts, and decides whether it is tried again. What stays is pruned later.
        with suppress(TenantryError, psycopg.Error):
            _remove(entry)
        raise
    seconds = time.monotonic() - started
    total = len(stored) + sum(part.bytes for part in content.parts)
    if not backups.finish(entry, content, stored, total, seconds):
        _remove(entry)
        raise WorkError(
            f"backup {entry.id} was given up meanwhile: another attempt took its place", f"tenantry backup list {slug} shows it"
        )
    return Backup(entry.id, f"{entry.bucket}/{entry.prefix}", total, seconds, content)


def _remove(entry: backups.Entry) -> None:
    """Gives a backup up. What cannot be deleted now, as an object lock may hold it for weeks, is pruned with the failed ones."""
    if backups.give_up(entry.id):
        with suppress(WorkError):
            objects.erase(entry.bucket, entry.prefix)


def _contents(store: TenantStore, entry: backups.Entry, recipient: str, say: Callable[[str], None]) -> Manifest:
    def keep(name: str, read: archive.Read) -> tuple[int, str, int]:
        done, said = 0, time.monotonic()

        def counted(size: int) -> bytes:
            nonlocal done, said
            data = read(size)
            done += len(data)
            if time.monotonic() - said > TELL:  # each line costs a transaction
                said = time.monotonic()
                say(f"{name}: {done / 1e6:.0f} MB read")
            return data

        return archive.store(counted, entry.bucket, entry.key(name), recipient)

    def whole(name: str, read: archive.Read, kind: str) -> Part:
        size, digest, plain = keep(name, read)
        return Part(name=name, kind=kind, bytes=size, sha256=digest, plain_bytes=plain)  # type: ignore[arg-type]  # a literal, below

    parts: list[Part] = []
    # Counting and reading share the snapshot, not the session: they run side by side.
    with extract.snapshot(store) as snap, ThreadPoolExecutor(1) as pool:
        columns = extract.plain_columns(snap)
        figures = pool.submit(snap.figures)
        parts += extract.parts(snap, columns, keep)
        tables = figures.result()
    registry_rows = contents.registry_rows(store)
    parts.append(whole("registry.jsonl.zst.age", archive.reader(iter([contents.registry_text(registry_rows)])), "registry"))
    stored: list[backup_manifest.StoredObject] = []
    parts.append(whole("objects.tar.zst.age", archive.reader(contents.objects_tar(store, stored)), "objects"))
    return Manifest(
        format=backup_manifest.FORMAT,
        tool=tenantry.__version__,
        id=entry.id,
        tenant_id=store.id,
        slug=store.slug,
        model=store.isolation,  # type: ignore[arg-type]  # the registry's own check allows these four
        schema_name=store.schema,
        reason=entry.reason,
        taken_at=snap.taken_at,
        revision=snap.revision,
        server_version=snap.server_version,
        extensions=snap.extensions,
        tables=tables,
        registry={table: len(rows) for table, rows in registry_rows.items()},
        objects=tuple(stored),
        parts=tuple(parts),
    )
