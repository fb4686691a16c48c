"""Deletion records: what existed, what was destroyed, signed with the platform's Ed25519 key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from pydantic import BaseModel, ConfigDict, ValidationError

from tenantry.control import keys, signatures
from tenantry.control.database import transaction
from tenantry.errors import InputError, WorkError
from tenantry.problems import did_you_mean

if TYPE_CHECKING:
    import psycopg

FORMATS: Final = ("tenantry-deletion-record/1", signatures.DELETION_RECORD)
"""Those that are read; the last is written."""


class _Tenant(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: UUID
    slug: str
    name: str


class Record(BaseModel):
    """What a record says, in both formats; what an outcome is made of is kept as it was counted then."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["archived", "deleted"]
    run: UUID
    tenant: _Tenant
    at: datetime
    requested_by: str
    via: str
    tool: str
    hold: dict[str, Any]
    existed: dict[str, Any]
    final_backup: dict[str, Any]
    destroyed: dict[str, Any]
    backups: list[dict[str, Any]]
    backups_kept_until: datetime | None
    quarantine: dict[str, Any]
    not_reached: list[str]


class _Exported(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: str
    record: dict[str, Any]
    algorithm: Literal["Ed25519"]
    key_id: str
    signature: str


def canonical(record: Mapping[str, Any]) -> str:
    """The record as it is signed: JSON with sorted keys and no spaces. It holds no fractions, so RFC 8785 writes it the same."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the public key's SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def public_pem() -> str:
    """The platform's public key, to be kept where records are checked."""
    return keys.signing().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def add(
    connection: psycopg.Connection[dict[str, Any]], run: UUID, tenant: UUID, slug: str, at: datetime, record: Mapping[str, Any]
) -> None:
    """Signs the record and keeps it, in the caller's transaction."""
    text = canonical(record)
    Record.model_validate_json(text)  # never signed: what would not be read again
    signature = base64.b64encode(signatures.sign(signatures.DELETION_RECORD, text.encode())).decode()
    connection.execute(
        "INSERT INTO deletion_records (id, tenant, slug, outcome, at, format, record, key_id, signature)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            run, tenant, slug, record["outcome"], at, signatures.DELETION_RECORD, text, key_id(keys.signing().public_key()), signature,
        ],
    )  # fmt: skip


def listed() -> list[dict[str, Any]]:
    """Every record without its text, newest first."""
    with transaction() as connection:
        return connection.execute("SELECT id, slug, tenant, outcome, at, key_id FROM deletion_records ORDER BY at DESC").fetchall()


def find(name: str) -> dict[str, Any]:
    """The record of that id, or the newest of that slug. ``InputError`` with the nearest slug when there is none."""
    with transaction() as connection:
        row = connection.execute(
            "SELECT * FROM deletion_records WHERE id::text = %(name)s OR slug = %(name)s ORDER BY at DESC LIMIT 1", {"name": name}
        ).fetchone()
        if row is not None:
            return row
        known = [entry["slug"] for entry in connection.execute("SELECT DISTINCT slug FROM deletion_records")]
    raise InputError(f"no deletion record {name}", did_you_mean(name, known, "tenantry deletion list shows them"), code="deletion.unknown")


def unfinished(slug: str) -> UUID | None:
    """The run that has written the newest record of the slug and has not come to its end, or None."""
    with transaction() as connection:
        row = connection.execute(
            "SELECT d.id FROM deletion_records d JOIN runs r ON r.id = d.id WHERE d.slug = %s AND r.state <> 'done'"
            " ORDER BY d.at DESC LIMIT 1",
            [slug],
        ).fetchone()
    return UUID(str(row["id"])) if row else None


def exported(row: Mapping[str, Any]) -> dict[str, Any]:
    """The record with its signature, as a file holds it."""
    return {
        "format": row["format"],
        "record": json.loads(row["record"]),
        "algorithm": "Ed25519",
        "key_id": row["key_id"],
        "signature": row["signature"],
    }


def verify(document: Mapping[str, Any], pem: bytes | None = None) -> dict[str, Any]:
    """The record, when its signature is of the key in ``pem`` (the platform's when None).

    ``InputError`` for what is no record or no key: nothing stands beside what is signed, and the record has its fields and no others.
    ``WorkError`` for a record that was changed or that another key signed.
    """
    try:
        exported = _Exported.model_validate(dict(document), strict=True)
        if exported.format not in FORMATS:
            raise InputError(f"this is no {FORMATS[-1]}", "tenantry deletion export writes one", code="deletion.invalid")
        Record.model_validate_json(canonical(exported.record))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"this is no deletion record: {where}: {first['msg']}", "tenantry deletion export writes one", code="deletion.invalid"
        ) from None
    key = _public(pem) if pem is not None else keys.signing().public_key()
    if exported.key_id != key_id(key):
        raise WorkError(
            f"the record was signed with the key {exported.key_id}, not with {key_id(key)}", "check it with the key of its platform"
        )
    try:
        signature = base64.b64decode(exported.signature, validate=True)
        signatures.verify(exported.format, canonical(exported.record).encode(), signature, key)
    except (InvalidSignature, ValueError):
        raise WorkError(
            "the signature does not fit the record: it was changed after it was signed", "get the record anew", code="deletion.invalid"
        ) from None
    return exported.record


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise InputError("this is no public key in PEM", "tenantry deletion key prints the platform's") from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("this is no Ed25519 public key", "tenantry deletion key prints the platform's")
    return key
