"""Which state may follow which, and what to say when one may not."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from tenantry.control import open_moves, restores
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


def refuse_busy(slug: str, tenant: UUID) -> None:
    """``InputError`` while a move or a restore of the tenant is not over: its data is in two places."""
    if open_moves.of(slug) is not None:
        raise InputError(
            f"tenant {slug} is being moved and cannot be off-boarded",
            f"end the move first: tenantry move {slug} --finish, or --rollback",
            code="move.underway",
        )
    restores.refuse(slug, tenant)


def require(command: str, slug: str, state: str) -> None:
    """``InputError`` that says what is allowed when ``command`` is not, in ``state``."""
    if state in FROM[command]:
        return
    ways = dict.fromkeys(f"tenantry {COMMANDS[state, after].replace(' ', f' {slug} ', 1)}" if " " in COMMANDS[state, after]
                         else f"tenantry {COMMANDS[state, after]} {slug}" for after in NEXT.get(state, ()))  # fmt: skip
    raise InputError(
        f"tenant {slug} is {state}: {command} is not allowed",
        f"allowed: {', '.join(ways)}" if ways else f"tenantry provision {slug} goes on with making it",
        code="tenant.state",
    )
