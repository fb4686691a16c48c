"""What is done about a log-in's password that only a lost state knew."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Final, Literal

VARIABLE: Final = "TENANTRY_LOST_PASSWORDS"
"""Set for the run that adopts a stack whose state was lost; its providers are processes of the engine's."""

Choice = Literal["keep", "renew"]
UNKNOWN: Final = ""
"""Stands in the state for a password that nobody knows: the log-in goes on with it, and it cannot be handed out."""


def choice() -> Choice | None:
    """What this run does: ``keep`` leaves it, so that the log-in goes on; ``renew`` makes another; None: nothing was lost."""
    found = os.environ.get(VARIABLE)
    return "keep" if found == "keep" else "renew" if found == "renew" else None


def after_loss(password: str, holds: Callable[[], bool]) -> str:
    """The password that a log-in is to have, given the state's. In a run that adopts a stack, what an older state says may have been
    changed since: ``holds`` asks the server."""
    if choice() == "keep" and not holds():
        return UNKNOWN
    if choice() == "renew" and (password == UNKNOWN or not holds()):
        return secrets.token_urlsafe(32)
    return password
