"""Ids of what a killed run made and the engine forgot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Adoption:
    """What a component passes as ``import_``: the provider's import id of a leftover, by logical name.

    Empty on every ordinary run. Only things that carry our mark and that the state does not hold are ever in it.
    """

    ids: Mapping[str, str] = field(default_factory=dict)

    def of(self, logical_name: str) -> str | None:
        """The import id for a resource, or None: create it."""
        return self.ids.get(logical_name)


NOTHING = Adoption()
