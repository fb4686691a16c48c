"""What one plugin serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.plugins.framework.fields import Field
from local.plugins.framework.resource import Props, ResourceType


@dataclass(frozen=True)
class Provider:
    """A plugin: the official one's name and version, the types it stands in for, and how a client is made from the configuration."""

    name: str
    version: str
    types: Sequence[ResourceType]
    config: Mapping[str, Field]
    """The provider's own inputs, for explicit providers and ``<name>:*`` configuration."""
    configure: Callable[[Props], Any]
    """Makes the client from the checked configuration, once, without connecting; ProviderError when it cannot work."""
    invokes: Mapping[str, Callable[[Any, Props], Props]] = field(default_factory=dict)
    """Functions by token, called with the client and the arguments."""

    def type(self, token: str) -> ResourceType | None:
        """The resource type of that token, if it is served."""
        return next((each for each in self.types if each.token == token), None)
