"""Each kind of signed thing is signed under its own name: none passes for another, and what was signed before names were is still read."""

from __future__ import annotations

import base64
import json
from uuid import uuid4

import pyrage
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from local.home import CLONE
from tenantry.clients.archive import Damaged
from tenantry.control import backup_manifest, deletion_records, keys, signatures
from tenantry.errors import InputError, TenantryError, WorkError
from tenantry.operations.lifecycle import records

TENANT = uuid4()
RECORD = {
    "outcome": "deleted", "run": str(uuid4()), "tenant": {"id": str(TENANT), "slug": "acme", "name": "Acme"},
    "at": "2026-11-26T10:00:00+00:00", "requested_by": "ada", "via": "cli", "tool": "tenantry 0",
    "hold": {"legal_holds_lifted_before": 0}, "existed": {"roles": ["a"]},
    "final_backup": {"id": "b", "rows": 1, "objects": 0}, "destroyed": {"roles": ["a"]}, "backups": [], "backups_kept_until": None,
    "quarantine": {"names": ["acme"], "until": None}, "not_reached": ["logs"],
}  # fmt: skip
MANIFEST = {
    "format": 4, "tool": "0", "id": "b", "tenant_id": str(TENANT), "slug": "acme", "model": "rls", "schema_name": "shared",
    "reason": "manual", "taken_at": "2026-11-26T10:00:00Z", "revision": "0001", "server_version": 18,
    "tables": {}, "registry": {}, "objects": [], "parts": [],
}  # fmt: skip
IDENTITY = pyrage.x25519.Identity.generate()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The platform's key."""
    made = Ed25519PrivateKey.generate()
    monkeypatch.setattr(keys, "signing", lambda: made)
    return made


def text_of(what):
    return json.dumps(what, sort_keys=True, separators=(",", ":")).encode()


def exported(signature, record=RECORD, form=signatures.DELETION_RECORD, **more):
    document = {"format": form, "record": record, "algorithm": "Ed25519", "key_id": deletion_records.key_id(keys.signing().public_key())}
    return {**document, "signature": base64.b64encode(signature).decode(), **more}


def opened(content, signature, **more):
    document = {"manifest": content, "signature": base64.b64encode(signature).decode(), **more}
    stored = bytes(pyrage.encrypt(json.dumps(document).encode(), [IDENTITY.to_public()]))
    return backup_manifest.opened(stored, str(IDENTITY), backup_id="b", tenant_id=TENANT, sha256=None)


def test_each_is_read_as_what_it_is(key):
    """Today's formats, and those of before, signed as bare text."""
    text = deletion_records.canonical(RECORD).encode()
    assert deletion_records.verify(exported(signatures.sign(signatures.DELETION_RECORD, text))) == RECORD
    assert deletion_records.verify(exported(key.sign(text), form="tenantry-deletion-record/1")) == RECORD
    assert opened(MANIFEST, signatures.sign(signatures.MANIFEST, text_of(MANIFEST))).id == "b"
    for former in (1, 2, 3):
        old = {**MANIFEST, "format": former}
        assert opened(old, key.sign(text_of(old))).format == former


def test_the_signature_of_one_kind_fits_no_other(key):
    """A manifest as a deletion record, in today's format and the one before, and the other way round."""
    as_manifest = signatures.sign(signatures.MANIFEST, text_of(MANIFEST))
    bare = key.sign(text_of(MANIFEST))
    for signature in (as_manifest, bare):
        for form in deletion_records.FORMATS:
            with pytest.raises(InputError, match="this is no deletion record"):
                deletion_records.verify(exported(signature, record=MANIFEST, form=form))
    for form in signatures.BARE | {signatures.DELETION_RECORD}:
        with pytest.raises(InvalidSignature):
            signatures.verify(form, text_of(MANIFEST), as_manifest)
    text = deletion_records.canonical(RECORD).encode()
    with pytest.raises(WorkError):
        deletion_records.verify(exported(key.sign(text)))
    with pytest.raises(WorkError):
        deletion_records.verify(exported(signatures.sign(signatures.DELETION_RECORD, text), form="tenantry-deletion-record/1"))
    for content in (RECORD, {**RECORD, "format": 2}):
        with pytest.raises(Damaged):
            opened(content, key.sign(text_of(content)))
    with pytest.raises(Damaged, match="does not bear this platform's signature"):
        opened(MANIFEST, bare)


def without(name, of=RECORD):
    return {key: value for key, value in of.items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1}, {"record": {**RECORD, "extra": 1}}, {"record": without("at")}, {"record": {**RECORD, "outcome": "kept"}},
        {"record": {**RECORD, "at": "yesterday"}}, {"record": {**RECORD, "tenant": {**RECORD["tenant"], "extra": 1}}},
        {"record": {**RECORD, "tenant": "acme"}}, {"record": {**RECORD, "requested_by": "eve"}}, {"record": []}, {"format": "x"},
        {"format": 2}, {"algorithm": "none"}, {"algorithm": None}, {"key_id": "0" * 16}, {"key_id": None},
        {"signature": "AAAA"}, {"signature": "?"}, {"signature": None}, {"signature": ""},
    ],
)  # fmt: skip
def test_a_record_that_is_not_as_it_was_signed_is_refused(change):
    """A key beside or inside of the record, one that is missing, a value of another kind, another signature."""
    signature = signatures.sign(signatures.DELETION_RECORD, deletion_records.canonical(RECORD).encode())
    with pytest.raises(TenantryError):
        deletion_records.verify({**exported(signature), **change})
    with pytest.raises(TenantryError):
        deletion_records.verify(without("signature", exported(signature)))


def test_something_beside_a_manifest_is_refused():
    with pytest.raises(Damaged):
        opened(MANIFEST, signatures.sign(signatures.MANIFEST, text_of(MANIFEST)), extra=1)


def test_a_key_that_stands_twice_is_refused():
    """What is checked is what every reader reads."""
    signature = signatures.sign(signatures.DELETION_RECORD, deletion_records.canonical(RECORD).encode())
    text = json.dumps(exported(signature))
    assert records.verify(records.read(text.encode(), "record.json")).record == RECORD
    with pytest.raises(InputError, match="a key stands twice"):
        records.read(b'{"record": {"outcome": "kept"}, ' + text[1:].encode(), "record.json")


def test_every_signature_of_the_platform_is_made_in_one_place():
    """Nobody else signs with the key: a new kind gets a name of its own there."""
    found = {path.name for path in (CLONE / "tenantry").rglob("*.py") if "signing().sign(" in path.read_text(encoding="utf-8")}
    assert found == {"signatures.py"}
