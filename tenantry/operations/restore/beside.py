"""Restoring as a new tenant: the file that it needs, where nobody has written one."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import registry
from tenantry.declaration import generator
from tenantry.declaration.store import DeclarationStore
from tenantry.engine.applied import Evidence
from tenantry.errors import InputError
from tenantry.operations import provision
from tenantry.operations.backup.reading import Stored
from tenantry.settings import project_settings, tenants_dir
from tenantry.stores import disk


def prepare(slug: str, backup_id: str, into: str, *, labels: Mapping[str, str] | None = None, read: bool = True) -> bool:
    """Writes the new tenant's file, like the backed-up tenant's in tier and model; False when a file declares it already.

    The backup is opened first: nothing is written for one that cannot be read, or for which there is no room. ``labels``: what the file
    gives the tenant; without ``read`` it is not read to its end, which the restore does.
    """
    naming.require_slug(into)
    if into == slug:
        raise InputError(f"{into} is the tenant itself", f"leave out --as to restore {slug} in its place")
    stored = Stored.open(backup_id)
    if stored.entry.tenant_id != naming.tenant_id(slug):
        raise InputError(f"backup {backup_id} is not {slug}'s", f"tenantry backup list {slug} shows its backups")
    everybody = DeclarationStore.of_platform().load()
    declared, source = everybody.get(into), everybody.get(slug)
    if (declared.isolation if declared else stored.manifest.model) != "instance":  # a server of its own is made with room
        disk.require(stored.room, into, None)
    if declared is not None:
        return False
    if read:
        stored.check()
    row = stored.registry()["tenants"][0]
    # Not the tenant's own administrator: a rehearsal must not send anybody an invitation to it.
    new = generator.NewTenant(
        into,
        str(row["tier"]),
        name=f"{row['name']} ({into})",
        isolation=str(row["isolation"]),
        # Nothing weaker than the tenant has. The backup of one whose file is gone does not say it: then the tier does.
        row_context="signed" if source is not None and source.row_context == "signed" else None,
        values=tuple((("labels", name), value) for name, value in (labels or {}).items()),
    )
    generator.create(tenants_dir(), new, project_settings())
    return True


def make(into: str, *, actor: Actor) -> UUID | None:
    """Asks for the new tenant's provisioning, by which nobody is invited; the run's id. None for a tenant that is made."""
    return provision.request(into, actor=actor, welcome=False) if unfinished(into) else None


def unfinished(into: str) -> bool:
    """Whether the tenant is declared but not made yet. Its record alone says little: the engine makes that first, and all else after it."""
    found = registry.read_record(str(naming.tenant_id(into)))
    return found is None or found["row"]["state"] == "provisioning" or not Evidence.of([found["row"]["stack"]]).made(into)
