"""A resource type: its fields, and create, read, update and delete in plain Python."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from local.plugins.framework.fields import Field

Props = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What a call is about, apart from its values."""

    urn: str
    timeout: float
    """Seconds the engine allows (customTimeouts), 0 for no limit."""

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rsplit("::", 1)[-1]


class ResourceType(ABC):
    """One resource type of the provider."""

    token: ClassVar[str]
    """As in the SDK's class, for example ``postgresql:index/role:Role``."""
    fields: ClassVar[Mapping[str, Field]]

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        """What is wrong with the inputs, as (property, reason), beyond what the fields say.

        Values may be ``UNKNOWN``. It may complete ``inputs``.
        """
        return []

    def same(self, name: str, old: Any, new: Any) -> bool:
        """Whether a property is unchanged; override where a provider sees two values as one (JSON documents, host names' case, …)."""
        return self.fields[name].same(old, new)

    @abstractmethod
    def create(self, client: Any, new: Props, ctx: Context) -> tuple[str, Props]:
        """Make it; returns its id and what is known of it now. A failure leaves nothing behind."""

    @abstractmethod
    def read(self, client: Any, id: str, state: Props, ctx: Context) -> Props | None:
        """What it is now, or None when it is gone. ``state`` is the recorded one, empty on import. A changed id is returned as ``id``."""

    def update(self, client: Any, id: str, old: Props, new: Props, ctx: Context) -> Props:
        """Change it from the recorded state to ``new`` (inputs and kept computed values). A changed id is returned as ``id``."""
        raise NotImplementedError(f"{self.token} has no update: every change replaces it")

    @abstractmethod
    def delete(self, client: Any, id: str, state: Props, ctx: Context) -> None:
        """Remove it; that it is gone already is no error."""
