"""A tenant's objects, brought back: those of the backup, and no others. The bucket keeps versions, so both ways are possible."""

from __future__ import annotations

from collections.abc import Mapping

from tenantry import branding
from tenantry.clients import objects
from tenantry.clients.stores import TenantStore
from tenantry.operations.backup import contents
from tenantry.operations.backup.reading import Stored


def current(store: TenantStore) -> dict[str, str | None]:
    """Version by key (after the prefix) of each of the tenant's objects: for the way back."""
    return {version.key.removeprefix(store.prefix): version.version_id for version in objects.current(store.bucket, store.prefix)}


def put(store: TenantStore, stored: Stored) -> tuple[int, int]:
    """Makes the tenant's objects those of the backup; how many were written and how many taken away.

    One whose current version is the very one that was backed up is left alone. Another tenant's branding does not come along: it says whose
    it is, and ``store``'s is made from its own file.
    """
    objects.abort_uploads(store.bucket, store.prefix)  # of an attempt that was killed
    there = current(store)
    same = stored.manifest.tenant_id == store.id
    versions = {entry.key: entry.version_id for entry in stored.manifest.objects}
    left_alone = () if same else (branding.FOLDER,)
    written = 0
    for entry, body in stored.objects():
        if entry.name.startswith(left_alone):
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
    surplus = {key for key in there.keys() - versions.keys() if not key.startswith(left_alone)}
    for key in surplus:
        objects.hide(store.bucket, store.prefix + key)
    return written, len(surplus)


def put_back(store: TenantStore, before: Mapping[str, str | None]) -> None:
    """Makes the tenant's objects the versions of ``before``."""
    objects.abort_uploads(store.bucket, store.prefix)
    there = current(store)
    for key, version in before.items():
        if there.get(key) != version and version is not None:
            objects.bring_back(store.bucket, store.prefix + key, version)
    for key in there.keys() - before.keys():
        objects.hide(store.bucket, store.prefix + key)
