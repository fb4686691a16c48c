"""What a run takes over instead of making it: what a killed run made and the engine forgot, and what the state has under another name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True)
class Adoption:
    """What a component passes as ``import_``: the provider's import id of a leftover, by logical name.

    Empty on every ordinary run. Only things that carry our mark and that the state does not hold are ever in it.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)
    """URN under which the state holds a custom host name that was another tenant's, by its logical name now."""

    def of(self, logical_name: str) -> str | None:
        """The import id for a resource, or None: create it."""
        return self.ids.get(logical_name)

    def aliases(self, logical_name: str) -> list[pulumi.Alias | str] | None:
        """What the engine shall know the resource by besides its name, or None."""
        return [self.former[logical_name]] if logical_name in self.former else None


NOTHING = Adoption()
