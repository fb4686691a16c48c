"""What time alone brings: holds that are over, backups of tenants that are gone, names that are free again. For the scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.clients import objects
from tenantry.control import lifecycle, quarantine, runs
from tenantry.control.database import transaction
from tenantry.control.lifecycle import Hold
from tenantry.operations import backup
from tenantry.operations.lifecycle import deletion
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import over

EXPIRY: Final = Actor("hold-expiry", "schedule")


@dataclass(frozen=True)
class Expiry:
    """What was done. ``requested``: runs, by slug; ``waiting``: why nothing is done, by slug, though the hold is over."""

    requested: dict[str, str]
    waiting: dict[str, str]
    backups_erased: int
    names_freed: int


def expired() -> list[Hold]:
    """Holds that are over, those of a deletion that has begun and not come to its end among them."""
    return [hold for hold in lifecycle.holds() if hold.over]


def hold_expiry(*, actor: Actor = EXPIRY) -> Expiry:
    """Asks for the deletion or the archiving that was wished for when the hold began; by itself a hold's end deletes nothing.

    One that failed is resumed. Also erases backups whose time is over and frees names. Does not wait for the runs. Idempotent.
    """
    requested: dict[str, str] = {}
    waiting: dict[str, str] = {}

    def look(hold: Hold) -> None:
        slug = _slug(hold)
        going = deletion.under_way(hold.tenant)
        if slug is None or (going is not None and going["state"] in runs.OPEN):
            return
        if hold.wish is None:
            waiting[slug] = (
                f"its deletion failed: tenantry resume {going['id']}"
                if going is not None
                else f"nobody said what follows: tenantry offboard {slug} --delete or --archive"
            )
            return
        outcome = {"delete": "deleted", "archive": "archived"}[hold.wish]
        requested[slug] = str(deletion.request(slug, outcome, actor=actor))

    for hold, error in over(expired(), look).failed:
        waiting[_slug(hold) or str(hold.tenant)] = error.message
    erased = over(_kept_too_long(), _erase)
    freed = quarantine.forget_expired()
    erased.refuse("erasing backups whose time is over", str, "tenantry cron run holds tries again")
    return Expiry(requested, waiting, sum(erased.results), freed)


def end_now(slug: str) -> Hold:
    """Lets a hold be over before its time, for the local cloud alone; the hold. ``InputError`` for a tenant that is not off-boarded."""
    return lifecycle.end_hold_now(TenantStore.of(slug).id, slug)


def _kept_too_long() -> list[UUID]:
    """The tenants that are gone and whose backups' time is over."""
    with transaction() as connection:
        rows = connection.execute("SELECT tenant FROM retained_backups WHERE until <= now() AND erased_at IS NULL")
        return [row["tenant"] for row in rows]


def _erase(tenant: UUID) -> int:
    """Erases a tenant's backups: the key first, which ends them wherever copies are; how many."""
    backup.erase_key(tenant)
    with transaction() as connection:
        places = connection.execute(
            "SELECT id, bucket, prefix FROM backups WHERE tenant_id = %s AND state <> 'pruned'", [tenant]
        ).fetchall()
    for place in places:
        objects.erase(place["bucket"], place["prefix"])
        with transaction() as connection:
            connection.execute("UPDATE backups SET state = 'pruned', pruned_at = now() WHERE id = %s", [place["id"]])
    with transaction() as connection:
        connection.execute("UPDATE retained_backups SET erased_at = now() WHERE tenant = %s", [tenant])
    return len(places)


def _slug(hold: Hold) -> str | None:
    with transaction() as connection:
        row = connection.execute("SELECT slug FROM tenants WHERE id = %s", [hold.tenant]).fetchone()
    return row["slug"] if row else None
