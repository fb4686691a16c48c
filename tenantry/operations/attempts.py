"""How often somebody may try to sign in. What is counted is no one's address or name: a digest."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import timedelta
from typing import Final, Literal

from tenantry.control import rate_limits
from tenantry.control.database import transaction
from tenantry.errors import TooMany

WITHIN: Final = timedelta(minutes=15)
MOST: Final = {"account": 10, "address": 60, "mail": 3}
"""Tries of one account, from one address, and for a mail to one address, within that time."""

Kind = Literal["account", "address", "mail"]


def count(kind: Kind, who: str) -> None:
    """Counts a try, before anything that costs. ``TooMany`` where there were too many."""
    with transaction() as connection:
        rest = rate_limits.taken(connection, _subject(kind, who), MOST[kind], WITHIN)
    if rest is not None:
        raise TooMany("too many tries to sign in", "wait, then try again", seconds=rest)


def forget(kind: Kind, who: str) -> None:
    """After a try that was right."""
    with transaction() as connection:
        rate_limits.forget(connection, _subject(kind, who))


def _subject(kind: Kind, who: str) -> str:
    if kind == "address":
        who = network(who)
    return f"{kind}:{hashlib.sha256(who.encode()).hexdigest()}"


def network(address: str) -> str:
    """What requests from an address are counted for: itself, and of IPv6 the network of a house: whoever has one address has 2^64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)
