"""What makes a clone the same as another of its salt: the key of all digests, and how far dates are shifted."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import timedelta

from tenantry.control import keys


@dataclass(frozen=True)
class Key:
    """Derived from the platform's own key, the source and a salt. The salt is no secret: without the platform's key it says nothing."""

    secret: bytes = field(repr=False)
    """32 bytes."""
    shift: timedelta
    """Whole weeks back, 4 to 103: week-days stay, and nothing comes to lie in the future."""

    @classmethod
    def of(cls, source: str, salt: str) -> Key:
        """The key for clones of the tenant ``source``. Two tenants have nothing in common, whatever their salt."""
        secret = hashlib.sha256(keys.derived("clone", f"{source}\0{salt}").encode()).digest()
        weeks = int.from_bytes(hmac.new(secret, b"shift", hashlib.sha256).digest()[:8], "big") % 100
        return cls(secret, timedelta(weeks=-4 - weeks))
