"""What the platform's Ed25519 key signs. Each kind of thing is signed under a format's name of its own, so that none passes for another.

A format is a name and a number, ``tenantry-deletion-record/2``. Signed is the name, a NUL byte, the text. The first formats of deletion
records and manifests were signed as the bare text: those signatures still count for those formats, and none is made any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tenantry.control import keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DELETION_RECORD: Final = "tenantry-deletion-record/2"
MANIFEST: Final = "tenantry-backup-manifest/4"
BARE: Final = frozenset({"tenantry-deletion-record/1", *(f"tenantry-backup-manifest/{number}" for number in (1, 2, 3))})
"""Formats from before names were signed. A text of theirs begins with ``{``, so no signature of theirs fits a named one."""


def sign(form: str, text: bytes) -> bytes:
    """The platform's signature of a text in a format of today."""
    assert form in (DELETION_RECORD, MANIFEST)  # noqa: S101  # a programming error: a new kind is entered above
    return keys.signing().sign(_message(form, text))


def verify(form: str, text: bytes, signature: bytes, key: Ed25519PublicKey | None = None) -> None:
    """Nothing when it is ``key``'s signature of the text in this format (the platform's when None); else ``InvalidSignature``."""
    (key or keys.signing().public_key()).verify(signature, text if form in BARE else _message(form, text))


def _message(form: str, text: bytes) -> bytes:
    return form.encode() + b"\0" + text
