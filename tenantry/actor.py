"""Who asks for something: one line that the audit log shows, and the way that it came."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tenantry.escape import require_line

VARIABLE: Final = "TENANTRY_ACTOR"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a service or a schedule. ``InputError`` for a name that is not one visible line."""

    name: str
    via: str = "cli"
    """The way in: ``cli``, ``pull-request``, ``schedule``, ``service``; it stands beside a run's name."""
    request: UUID | None = None
    """The request to the service that this is done for: what it asks for is written down with it (``control.api_requests``)."""

    @property
    def in_request(self) -> bool:
        """Whether it is asked for by the service, where nobody waits for minutes and nobody comes back to do the rest."""
        return self.via == "service"

    def __post_init__(self) -> None:
        require_line(f"the actor ({VARIABLE})", self.name)

    @classmethod
    def of_environment(cls, via: str = "cli") -> Actor:
        """TENANTRY_ACTOR (set by a service or a pipeline), else the user of this machine."""
        return cls(name_of_environment(), via)


def name_of_environment() -> str:
    """The name as it is written there, of whatever shape."""
    return os.environ.get(VARIABLE) or getpass.getuser()


NOBODY: Final = Actor("unknown")
"""Where nobody is named."""
SCHEDULE: Final = Actor("schedule", "schedule")
"""What begins at its time, without anybody's asking."""
