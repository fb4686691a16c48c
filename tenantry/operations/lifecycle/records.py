"""The signed records of deletions: listed, shown, exported, and checked anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tenantry.control import deletion_records
from tenantry.errors import InputError


@dataclass(frozen=True)
class DeletionEntry:
    """One record without its text. ``tenant`` is the id that the deleted tenant had, ``key_id`` the key that signed it."""

    id: UUID
    slug: str
    tenant: UUID
    outcome: str
    at: datetime
    key_id: str


@dataclass(frozen=True)
class ExportedRecord:
    """A record with its signature, as a file holds it."""

    format: str
    record: Mapping[str, Any]
    algorithm: str
    key_id: str
    signature: str


@dataclass(frozen=True)
class VerifiedRecord:
    """A record that is as it was signed, by the key ``key_id``."""

    key_id: str
    record: Mapping[str, Any]


def listed() -> tuple[DeletionEntry, ...]:
    """The records, newest first."""
    return tuple(DeletionEntry(**row) for row in deletion_records.listed())


def exported(name: str) -> ExportedRecord:
    """The record of that id, or the newest of that slug. ``InputError`` with the nearest slug when there is none."""
    return ExportedRecord(**deletion_records.exported(deletion_records.find(name)))


def read(content: bytes, source: str) -> dict[str, Any]:
    """An exported record as a file holds it, not checked yet; ``source`` names it. ``InputError`` for what is none."""
    try:
        found = json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source} is not JSON: {error}", "tenantry deletion export writes one") from None
    if not isinstance(found, dict):
        raise InputError(f"{source} is no deletion record", "tenantry deletion export writes one")
    return found


def verify(document: Mapping[str, Any], pem: bytes | None = None) -> VerifiedRecord:
    """Checks an exported record against the public key in ``pem``, or the platform's. Errors as of ``deletion_records.verify``."""
    record = deletion_records.verify(document, pem)
    return VerifiedRecord(document["key_id"], record)


def public_key() -> str:
    """The platform's public key (PEM), to be kept where records are checked."""
    return deletion_records.public_pem()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key that stands twice one reader takes the first and another the last: what was checked would not be what is read."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)
