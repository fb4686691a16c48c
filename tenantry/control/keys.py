"""The platform's own keys: one secret in AWS Secrets Manager, made when it is first asked for.

They sign deletion records, derive invitation tokens, and encrypt the keys of tenants' backups. None of them is in a database, a state
or a backup: whoever has all of those cannot forge a record, open an invitation or read a backup.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from functools import cache

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tenantry.clients import aws, key_copies
from tenantry.control.database import transaction
from tenantry.errors import WorkError
from tenantry.settings import platform_settings


def signing() -> Ed25519PrivateKey:
    """The platform's Ed25519 key."""
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(_keys()["signing"]))


def backup_identity() -> str:
    """The platform's age identity (``AGE-SECRET-KEY-…``), which the key of every tenant's backups is encrypted to.

    Asked for each time: a worker that remembered it would go on after the secret is lost, and nobody could open what it saves.
    """
    return _read()["backup"]


def derived(purpose: str, text: str) -> str:
    """A token that only the platform can compute (URL-safe, 43 characters): the same for the same purpose and text."""
    mac = hmac.new(base64.b64decode(_keys()["tokens"]), f"{purpose}\0{text}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


@cache
def _keys() -> dict[str, str]:
    return _read()


def _read() -> dict[str, str]:
    """``WorkError`` when the secret is gone: a new one would open none of the backups that there are, and nobody would notice."""
    name = f"{platform_settings().bucket_prefix}/tenantry/keys"
    found = aws.find_secret(name)
    if found is None and (needed := _needed()):
        # Who made it meanwhile has made what needs it after that.
        found = aws.find_secret(name)
        if found is None:
            raise WorkError(
                f"there is no secret {name}, and {needed} need it",
                "bring it back (aws secretsmanager restore-secret), or put tenantry:bucketPrefix right; docs/backups.md, Keys",
            )
    if found is None:
        found = aws.make_secret(name, json.dumps(_new()))
    keys: dict[str, str] = json.loads(found)
    return keys


def _needed() -> str:
    """What could not be opened without the platform's keys, in words; empty where there is nothing."""
    with transaction() as connection:
        row = connection.execute("SELECT count(*) AS sealed FROM backup_keys").fetchone()
    if row is not None and row["sealed"]:
        return f"the backups of {row['sealed']} tenants"
    return "the copies of backup keys beside it" if key_copies.any_there() else ""  # the control database may be new


def _new() -> dict[str, str]:
    return {
        "signing": base64.b64encode(secrets.token_bytes(32)).decode(),
        "tokens": base64.b64encode(secrets.token_bytes(32)).decode(),
        "backup": str(pyrage.x25519.Identity.generate()),
    }
