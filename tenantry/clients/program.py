"""The program that this checkout is, in digests: what besides a tenant's declaration decides what a run makes of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from tenantry.settings import PlatformSettings, migrations_dir, project_root

_LENGTH: Final = 12
"""Hex digits of a digest: enough to tell two of some thousand versions apart."""

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_OF_THE_PROJECT: Final = ("stacks", "components", "__main__.py", "requirements.lock")


@dataclass(frozen=True)
class Program:
    """Digests (hex) of the code, of the platform's settings, and of the migrations with what belongs to them."""

    code: str
    settings: str
    migrations: str

    def __str__(self) -> str:
        return ":".join((self.code, self.settings, self.migrations))

    def differs(self, other: str | None) -> tuple[str, ...]:
        """In words, where it differs from the program that ``str`` wrote down: ``code``, ``settings``, ``migrations``; ``unknown`` where
        none was written down."""
        if other is None:
            return ("unknown",)
        return tuple(
            word
            for word, mine, theirs in zip(("code", "settings", "migrations"), str(self).split(":"), other.split(":"), strict=True)
            if mine != theirs
        )

    @classmethod
    def here(cls) -> Program:
        """Of this checkout, as it was when this process first asked. ``InputError`` where its settings cannot be read."""
        return _read(project_root(), migrations_dir())


@lru_cache(maxsize=4)
def _read(root: Path, migrations: Path) -> Program:
    settings = json.dumps(asdict(PlatformSettings.from_project(root)), sort_keys=True)
    code = [(_PACKAGE.parent, _PACKAGE), *((root, root / name) for name in _OF_THE_PROJECT)]
    return Program(_digest(code), hashlib.sha256(settings.encode()).hexdigest()[:_LENGTH], _digest([(migrations, migrations)]))


def _digest(places: Iterable[tuple[Path, Path]]) -> str:
    """Over the names below the first path, and the contents, of all files at the second; the same for both kinds of line end."""
    digest = hashlib.sha256()
    for base, place in places:
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and "__pycache__" not in file.parts:
                content = file.read_bytes().replace(b"\r\n", b"\n")
                digest.update(f"{file.relative_to(base).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:_LENGTH]
