"""Processes of this machine, by id."""

from __future__ import annotations


def alive(pid: int) -> bool:
    """Whether a process of that id lives, whoever's it is. One that has ended and that its parent has not looked after yet does not."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
