"""The tenants that the registry knows, and whether each is as its file declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tenantry.control import admission, registry
from tenantry.control.admitted import Admitted, Verdict
from tenantry.engine.applied import Waiting
from tenantry.errors import InputError
from tenantry.problems import did_you_mean


@dataclass(frozen=True)
class TenantEntry:
    """One tenant as the registry has it, with its first administrator's invitation."""

    id: UUID
    slug: str
    name: str
    tier: str
    isolation: str
    cell: str
    stack: str
    state: str
    host: str
    server: str | None
    """The identifier of a server of its own; None: the platform's."""
    database: str
    schema: str
    app_role: str
    bucket: str
    prefix: str
    limits: Mapping[str, int]
    labels: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    maintenance: str | None
    made_by: str | None
    """The resource that the row is from."""
    configured_by: str | None
    ready_at: datetime | None
    """When its tables were first there; None: they are being made."""
    admin_email: str | None
    issued_at: datetime | None
    """When the administrator's link was issued."""
    accepted_at: datetime | None
    configuration_rows: int


@dataclass(frozen=True)
class TenantStatus(TenantEntry):
    """The same, held against the tenant's file."""

    applied: bool | None
    """Whether the engine has carried out every change of it; None where the files cannot be read."""
    pending: str | None
    """What is not made yet, and why."""
    not_as_declared: str | None
    """Why a run would not make what the file says."""


@dataclass(frozen=True)
class Status:
    """How the tenants stand, by slug."""

    tenants: tuple[TenantStatus, ...]
    reasons: Mapping[str, tuple[str, ...]]
    """Slug → what is pending, of every tenant that has something pending."""
    verdicts: tuple[Verdict, ...]
    unreadable: InputError | None
    """Why the files cannot be read: then nothing is said of them."""


def tenants() -> tuple[TenantEntry, ...]:
    """Every tenant that the registry knows, deleted ones too, by slug."""
    return tuple(TenantEntry(**row) for row in registry.tenants())


def status(slug: str | None = None) -> Status:
    """How the tenants stand, or the one: ``InputError`` with the nearest name where the registry does not know it."""
    entries = tenants()
    if slug is not None and slug not in (known := [entry.slug for entry in entries]):
        hint = did_you_mean(slug, known, f"tenantry up {slug} makes it, when tenants/{slug}.yaml is there")
        raise InputError(f"the registry knows no tenant {slug}", hint, code="tenant.unknown")
    admitted, unreadable = _admitted()
    reasons: Mapping[str, tuple[str, ...]] = Waiting.among(admitted).reasons if admitted else {}
    verdicts: Mapping[str, Verdict] = admitted.verdicts if admitted else {}

    def of(entry: TenantEntry) -> TenantStatus:
        row: dict[str, Any] = vars(entry)
        verdict, why = verdicts.get(entry.slug), reasons.get(entry.slug)
        made = _applied(admitted, reasons, entry.slug)
        return TenantStatus(
            **row, applied=made, pending=", ".join(why) if why else None, not_as_declared=verdict.message if verdict else None
        )

    shown = tuple(of(entry) for entry in entries if slug in (None, entry.slug))
    return Status(shown, reasons, tuple(verdicts.values()), unreadable)


def _admitted() -> tuple[Admitted | None, InputError | None]:
    """None where the files cannot be read, and why: that is no reason to show nothing."""
    try:
        return admission.load(), None
    except InputError as error:
        return None, error


def _applied(admitted: Admitted | None, reasons: Mapping[str, tuple[str, ...]], slug: str) -> bool | None:
    if admitted is None:
        return None
    verdict = admitted.verdicts.get(slug)
    return slug in admitted.declared and slug not in reasons and (verdict is None or verdict.kind == "unaware")
