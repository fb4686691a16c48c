"""Processes of this machine, by id."""

from __future__ import annotations

import os


def alive(pid: int) -> bool:
    """Whether a process of that id lives, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
