"""A command as if it were run in another container of the same machine and the same host name."""

from __future__ import annotations

from tenantry.clients import place, process


def another() -> None:
    """To be called in the command's process first: none of the processes here is to be seen there."""
    place.here = lambda: "000000000000"  # type: ignore[assignment]
    process.alive = lambda pid: False
