"""Which state may follow which, and what to say when one may not."""

from __future__ import annotations

from typing import Final

from tenantry.control.lifecycle import COMMANDS
from tenantry.errors import InputError

NEXT: Final = {
    "active": ("suspended", "offboarding"),
    "suspended": ("active", "offboarding"),
    "offboarding": ("active", "suspended", "archived", "deleted"),
}
"""An active tenant that is off-boarded is suspended on the way."""

FROM: Final = {
    "suspend": ("active", "suspended"),
    "reactivate": ("suspended", "active"),
    "offboard": ("active", "suspended", "offboarding"),
    "undelete": ("offboarding",),
    "delete": ("offboarding",),
}
"""In which states a command may be given; said again where it has led already, it makes sure that it is so."""


def require(command: str, slug: str, state: str) -> None:
    """``InputError`` that says what is allowed when ``command`` is not, in ``state``."""
    if state in FROM[command]:
        return
    ways = dict.fromkeys(f"tenantry {COMMANDS[state, after].replace(' ', f' {slug} ', 1)}" if " " in COMMANDS[state, after]
                         else f"tenantry {COMMANDS[state, after]} {slug}" for after in NEXT.get(state, ()))  # fmt: skip
    raise InputError(
        f"tenant {slug} is {state}: {command} is not allowed",
        f"allowed: {', '.join(ways)}" if ways else f"tenantry provision {slug} finishes making it",
        code="tenant.state",
    )
