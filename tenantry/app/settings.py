"""A tenant's settings: the values in force, and below them the application's own defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Settings(Mapping[str, Any]):
    """Key → value, as in ``tenantry config get``; ``KeyError`` for a key that has neither a value nor a default."""

    values_in_force: Mapping[str, Any]
    defaults: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.values_in_force[key] if key in self.values_in_force else self.defaults[key]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self.values_in_force, *self.defaults)))

    def __len__(self) -> int:
        return len({*self.values_in_force, *self.defaults})
