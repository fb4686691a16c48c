"""A tenant's objects, brought back: those of the backup, and no others. The bucket keeps versions, so both ways are possible.

But for the branding: that is made from the tenant's file, by today's rules, and a backup may hold what an older Tenantry let through.
"""

from __future__ import annotations

from collections.abc import Mapping

from tenantry.clients import objects
from tenantry.declaration import branding
from tenantry.operations.backup import contents
from tenantry.operations.backup.reading import Stored
from tenantry.stores.tenant_store import TenantStore


def current(store: TenantStore) -> dict[str, str | None]:
    """Version by key (after the prefix) of each of the tenant's own objects: for the way back."""
    found = {version.key.removeprefix(store.prefix): version.version_id for version in objects.current(store.bucket, store.prefix)}
    return {key: version for key, version in found.items() if not key.startswith(branding.FOLDER)}


def put(store: TenantStore, stored: Stored) -> tuple[int, int]:
    """Makes the tenant's objects those of the backup; how many were written and how many taken away.

    One whose current version is the very one that was backed up is left alone.
    """
    objects.abort_uploads(store.bucket, store.prefix)  # of an attempt that was killed
    there = current(store)
    same = stored.manifest.tenant_id == store.id
    versions = {entry.key: entry.version_id for entry in stored.manifest.objects}
    written = 0
    for entry, body in stored.objects():
        if entry.name.startswith(branding.FOLDER):
            continue
        if same and versions[entry.name] is not None and there.get(entry.name) == versions[entry.name]:
            continue
        upload = objects.Upload(store.bucket, store.prefix + entry.name, **contents.metadata_of(entry))
        try:
            while data := body.read(objects.PART):
                upload.write(data)
            upload.close()
        except BaseException:
            upload.abort()
            raise
        written += 1
    surplus = there.keys() - versions.keys()
    for key in surplus:
        objects.hide(store.bucket, store.prefix + key)
    return written, len(surplus)


def put_back(store: TenantStore, before: Mapping[str, str | None]) -> None:
    """Makes the tenant's objects the versions of ``before``."""
    objects.abort_uploads(store.bucket, store.prefix)
    there = current(store)
    for key, version in before.items():
        if key.startswith(branding.FOLDER):  # a restore that an older Tenantry began
            continue
        if there.get(key) != version and version is not None:
            objects.bring_back(store.bucket, store.prefix + key, version)
    for key in there.keys() - before.keys():
        objects.hide(store.bucket, store.prefix + key)
