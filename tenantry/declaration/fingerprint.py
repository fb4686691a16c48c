"""The fingerprint of what a declaration makes: equal exactly when a run would make the same of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tenantry.declaration.assets import published
from tenantry.declaration.model import Server, TenantDeclaration, UserDefaults
from tenantry.declaration.sign_in import SignIn
from tenantry.declaration.tree import assets_of

if TYPE_CHECKING:
    from tenantry.program import Program

OF_COMMANDS: Final = frozenset({"state", "isolation", "cell"})
"""Keys that commands change as well (`suspend`, `move`), and that are compared one by one."""


@dataclass(frozen=True)
class Fingerprint:
    """What a run makes of a tenant. One of an earlier release has ``content`` only, and is like no other."""

    content: str
    """SHA-256 (hex) of the declaration but for ``OF_COMMANDS``, and of what is published of its assets."""
    state: str = ""
    isolation: str = ""
    cell: str = ""
    code: str = ""
    settings: str = ""
    migrations: str = ""

    def __str__(self) -> str:
        return ":".join((self.content, self.state, self.isolation, self.cell, self.code, self.settings, self.migrations))

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """From ``str``, or from the digest that an earlier release wrote."""
        return cls(*text.split(":")[:7])

    @property
    def declaration(self) -> tuple[str, str, str, str]:
        """What of it the tenant's file says: all but the program."""
        return self.content, self.state, self.isolation, self.cell

    def differs(self, other: Fingerprint) -> tuple[str, ...]:
        """In words, where the two differ: ``declaration``, ``state``, ``place``, ``code``, ``settings``, ``migrations``; or
        ``release``, where one of them is an earlier release's."""
        if not self.state or not other.state:
            return () if self == other else ("release",)
        pairs = {
            "declaration": (self.content, other.content),
            "state": (self.state, other.state),
            "place": ((self.isolation, self.cell), (other.isolation, other.cell)),
            "code": (self.code, other.code),
            "settings": (self.settings, other.settings),
            "migrations": (self.migrations, other.migrations),
        }
        return tuple(word for word, (mine, theirs) in pairs.items() if mine != theirs)


def made_by(program: Program, declaration: TenantDeclaration, content: str) -> Fingerprint:
    """What ``program`` makes of an effective declaration, whose ``content`` is known."""
    return Fingerprint(
        content, declaration.state, declaration.isolation, declaration.cell, program.code, program.settings, program.migrations
    )


def content(declaration: TenantDeclaration, assets: Path) -> str:
    """See ``Fingerprint.content``."""
    # A section of a later release says nothing new of a tenant that does not have it: its content stays what it was.
    later = {"server": Server(), "user_defaults": UserDefaults(), "sign_in": SignIn()}
    left_out = OF_COMMANDS | {name for name, empty in later.items() if getattr(declaration, name) == empty}
    digest = hashlib.sha256(declaration.model_dump_json(exclude=set(left_out)).encode())
    for path in assets_of(declaration):
        digest.update(published(assets, path))
    return digest.hexdigest()
