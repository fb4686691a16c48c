"""What keeps the files of tenants: a folder, or a branch of a repository. ``DeclarationStore`` reads and writes through one of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tenantry.actor import Actor
from tenantry.declaration.names import Names
from tenantry.settings import PlatformSettings


@dataclass(frozen=True, slots=True)
class Change:
    """Why a file is written: what was done, in few words, and who did it."""

    what: str
    actor: Actor

    def message(self, slug: str) -> str:
        """As a commit says it. Every value is one line: an actor's name always is."""
        lines = [f"{slug}: {' '.join(self.what.split())[:200]}", "", f"Tenantry-Actor: {self.actor.name} ({self.actor.via})"]
        if self.actor.request is not None:
            lines.append(f"Tenantry-Request: {self.actor.request}")
        return "\n".join(lines) + "\n"


class Keeper(Protocol):
    """``directory`` has the files for whoever reads all of them, while ``reading`` lasts."""

    @property
    def directory(self) -> Path: ...

    def reading(self) -> AbstractContextManager[None]:
        """Lets ``directory`` have the files as they are now, and stay so for the block."""

    def ready(self) -> None:
        """Lets ``directory`` have at least the tiers and the pictures as they are now."""

    def text(self, slug: str) -> bytes | None:
        """A tenant's file as it is now; None where there is none."""

    def names(self, settings: PlatformSettings | None, *, fresh: bool = True) -> Names:
        """Who has which name now; not ``fresh``: or had when this process last looked, which ``Names.at`` tells whoever writes.

        ``DeclarationErrors`` where the declarations are not valid.
        """

    def put(self, slug: str, before: bytes | None, after: bytes | None, change: Change, at: str | None = None) -> None:
        """Writes a tenant's file whole, or removes it with its assets. ``Overtaken`` where it is no longer as ``before``, or the
        declarations no longer ``at`` that commit; ``InputError`` where a file of that name is there and none was expected."""

    def tidy(self) -> None:
        """Clears away what many changes have left."""
