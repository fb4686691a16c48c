"""What DNS says in TXT records, asked of the system's resolvers."""

from __future__ import annotations

from typing import Final

import dns.exception
import dns.resolver
from dns.rdtypes.txtbase import TXTBase

from tenantry.errors import TransientError

PATIENCE: Final = 5.0
"""Seconds for all resolvers together."""
MOST: Final = 50
"""Records of a name that are looked at."""


def of(name: str) -> list[str]:
    """The texts of a name; empty where it has none. ``TransientError`` where nobody can say: that proves nothing either way."""
    try:
        found = dns.resolver.resolve(f"{name}.", "TXT", lifetime=PATIENCE, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise TransientError(f"DNS does not say what {name} has: {type(error).__name__}", "try again in some minutes") from error
    return [b"".join(record.strings).decode("ascii", "replace") for record in list(found)[:MOST] if isinstance(record, TXTBase)]
