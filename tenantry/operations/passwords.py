"""Passwords: what one must be like, made into what is kept of it, and compared. Each takes a fifth of a second of a core and 64 MiB."""

from __future__ import annotations

import unicodedata
from typing import Final

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from tenantry.errors import InputError

SHORTEST: Final = 12
LONGEST: Final = 200
"""Characters of a password."""

_ARGON2: Final = PasswordHash((Argon2Hasher(),))
NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdG9mbm9ib2R5MTYhIQ$WHFXoxyWJvNC4uH8ov9hXPYxJ1M5iVvxA5lFQwqQ8Yo"
"""What a password is compared with where there is none: so it takes as long. No password leads to it that anybody knows."""


def hashed(password: str) -> str:
    """What is kept of a password. ``InputError`` for one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"a password has {SHORTEST} to {LONGEST} characters", "some words that nobody else puts together", code="password.weak"
        )
    return _ARGON2.hash(_normal(password))


def right(password: str, kept: str | None) -> tuple[bool, str | None]:
    """Whether it is the password of which ``kept`` was made, and what to keep instead where that was made with other costs.

    It takes as long where there is none (None).
    """
    if len(password) > LONGEST:
        return False, None
    try:
        return _ARGON2.verify_and_update(_normal(password), kept or NOBODY)
    except UnknownHashError:
        return False, None


def _normal(password: str) -> str:
    """One password however the keyboard composes its characters."""
    return unicodedata.normalize("NFKC", password)
