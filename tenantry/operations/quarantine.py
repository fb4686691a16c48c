"""Names of deleted tenants, which are given to nobody for a time; and what a name leads to meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tenantry.control import quarantine
from tenantry.errors import InputError
from tenantry.problems import did_you_mean


@dataclass(frozen=True)
class QuarantinedName:
    """One name. ``kind``: ``slug`` or ``host``; ``tenant``: whose it was; ``until`` None: without end."""

    kind: str
    name: str
    tenant: UUID
    since: datetime
    until: datetime | None


def listed() -> tuple[QuarantinedName, ...]:
    """The names that nobody may have yet."""
    return tuple(QuarantinedName(**row) for row in quarantine.listed())


def release(name: str) -> None:
    """Gives a name back before its time. ``InputError`` with the nearest one where it is not in quarantine."""
    if not quarantine.release(name):
        names = [row["name"] for row in quarantine.listed()]
        raise InputError(f"{name} is not in quarantine", did_you_mean(name, names, "tenantry quarantine list"))
