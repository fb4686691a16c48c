"""Every kind of durable work, by name.

A module of operations says which there are. It is named here and not imported: operations stand on this room, and not the other way round.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tenantry.work.step import Kind

KINDS: Final = "tenantry.operations.catalogue"


@cache
def kinds() -> dict[str, Kind]:
    """The kinds of durable work, by name."""
    return {kind.name: kind for kind in import_module(KINDS).KINDS}
