"""What a backup says about itself: written last, encrypted with the tenant's key, signed with the platform's."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import pyrage
from cryptography.exceptions import InvalidSignature
from pydantic import BaseModel, ConfigDict, ValidationError

from tenantry.clients.archive import Damaged
from tenantry.control import signatures
from tenantry.errors import InputError
from tenantry.postgres.checksums import Figure

FORMAT: Final = int(signatures.MANIFEST.rpartition("/")[2])
OWN_ROWS: Final = 3
"""The format from which on a table's figure is without the rows of tables that inherit from it."""
NAME: Final = "manifest.age"


class Part(BaseModel):
    """One object of the backup. ``kind``: a `pg_dump`, one table's rows, the registry's rows, or all objects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["dump", "rows", "registry", "objects"]
    table: str | None = None
    columns: tuple[str, ...] = ()
    """Of ``rows``: in the order in which they stand in a line."""
    bytes: int
    sha256: str
    plain_bytes: int


class StoredObject(BaseModel):
    """One of the tenant's objects; ``key`` comes after the tenant's prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    version_id: str | None
    size: int
    sha256: str


class Manifest(BaseModel):
    """Everything that a restore has to know, and checks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    tool: str
    id: str
    tenant_id: UUID
    slug: str
    model: Literal["rls", "schema", "database", "instance"]
    schema_name: str
    reason: str
    taken_at: datetime
    revision: str
    server_version: int
    tables: dict[str, Figure]
    """In an order in which foreign keys let them be filled."""
    registry: dict[str, int]
    """Rows of the control database's tables."""
    objects: tuple[StoredObject, ...]
    parts: tuple[Part, ...]
    extensions: dict[str, str] | None = None
    """PostgreSQL's, that the database had, and their schemas, in the order in which they were made; none in a manifest before format 3."""

    @property
    def rows(self) -> int:
        return sum(figure.rows for figure in self.tables.values())


def sealed(manifest: Manifest, recipient: str) -> bytes:
    """The manifest as it is stored."""
    text = manifest.model_dump(mode="json")
    signature = signatures.sign(signatures.MANIFEST, _canonical(text))
    document = json.dumps({"manifest": text, "signature": base64.b64encode(signature).decode()})
    return bytes(pyrage.encrypt(document.encode(), [pyrage.x25519.Recipient.from_str(recipient)]))


def opened(stored: bytes, identity: str, *, backup_id: str, tenant_id: UUID, sha256: bytes | None) -> Manifest:
    """The manifest in ``stored``. ``Damaged`` when it is not what we wrote for this backup, ``InputError`` when it is newer than us."""
    if sha256 is not None and hashlib.sha256(stored).digest() != bytes(sha256):
        raise Damaged(f"the manifest of backup {backup_id} is not what was stored", "take another backup: tenantry backup list")
    try:
        document = json.loads(bytes(pyrage.decrypt(stored, [pyrage.x25519.Identity.from_str(identity)])))
        if document.keys() != {"manifest", "signature"}:
            raise ValueError("something stands beside what is signed")
        text = document["manifest"]
        signature = base64.b64decode(document["signature"], validate=True)
        signatures.verify(f"{signatures.MANIFEST.rpartition('/')[0]}/{text['format']}", _canonical(text), signature)
    except pyrage.DecryptError:
        raise Damaged(f"backup {backup_id} does not open with this tenant's key", "it is damaged, or another tenant's") from None
    except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(f"the manifest of backup {backup_id} does not bear this platform's signature", "take another backup") from None
    if text["format"] > FORMAT:
        raise InputError(
            f"backup {backup_id} has format {text['format']}; this Tenantry reads up to {FORMAT}",
            f"use Tenantry {text.get('tool')} or newer",
        )
    try:
        manifest = Manifest.model_validate(text)
    except ValidationError as error:
        raise Damaged(f"the manifest of backup {backup_id} is incomplete: {error.errors()[0]['msg']}", "take another backup") from None
    if (manifest.id, manifest.tenant_id) != (backup_id, tenant_id):
        raise Damaged(f"what is stored as backup {backup_id} is backup {manifest.id} of {manifest.slug}", "take another backup")
    return manifest


def _canonical(text: dict[str, Any]) -> bytes:
    return json.dumps(text, sort_keys=True, separators=(",", ":")).encode()
