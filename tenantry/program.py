"""The program that this checkout is, in digests: what besides a tenant's declaration decides what a run makes of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from tenantry.settings import KEYS, PROJECT_FILE, PlatformSettings, migrations_dir, project_root

_LENGTH: Final = 12
"""Hex digits of a digest: enough to tell two of some thousand versions apart."""

_PACKAGE: Final = Path(__file__).resolve().parent
_OF_THE_PROJECT: Final = ("stacks", "components", "__main__.py")
LOCK: Final = "requirements.lock"

OF_NO_RUN: Final = frozenset({"secrets_provider", "hold_days", "final_backup_days", "quarantine_days", "backup_keep", "declarations"})
"""Settings that commands go by and no stack's program reads: for their sake a run of the engine would make nothing."""
_OF_NO_RUN_IN_PROJECT: Final = ("config", "name", "description", "author", "license", "website")
_LEFT_BY_TOOLS: Final = (".pyc", ".pyo", "~", ".orig", ".rej", ".bak")


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
    project = _mapping(root / PROJECT_FILE)
    code = [(_PACKAGE.parent, _PACKAGE), *((root, root / name) for name in _OF_THE_PROJECT)]
    engine = {key: value for key, value in project.items() if key not in _OF_NO_RUN_IN_PROJECT}
    settings = asdict(PlatformSettings.from_project(root))
    made = {key: value for key, value in settings.items() if key not in OF_NO_RUN}
    return Program(
        _digest(code, _pins(root / LOCK), _json(engine)),
        _digest([], _json({"settings": made, "providers": dict(_of_providers(root, project))})),
        _digest([(migrations, migrations)]),
    )


def _digest(places: Iterable[tuple[Path, Path]], *more: str) -> str:
    """Over the names below the first path, and the contents, of all files at the second, and over ``more``; the same for both kinds of
    line end, and whatever an editor, a tool or Python has left beside the files."""
    digest = hashlib.sha256()
    for base, place in places:
        for name, file in sorted((file.relative_to(base).as_posix(), file) for file in _files(place)):
            content = file.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    for text in more:
        digest.update(text.encode())
    return digest.hexdigest()[:_LENGTH]


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    for folder, inside, names in os.walk(place):
        inside[:] = [name for name in inside if name != "__pycache__" and not name.startswith(".")]
        for name in names:
            if not name.startswith((".", "#")) and not name.endswith(_LEFT_BY_TOOLS):
                yield Path(folder, name)


def _pins(file: Path) -> str:
    """Which packages, in which versions: whoever writes the lock anew writes other hashes and comments, too."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return "\n".join(line.split()[0] for line in lines if "==" in line and not line.startswith((" ", "#")))


def _of_providers(root: Path, project: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What else is configured: of all stacks, and of single ones (`Pulumi.<stack>.yaml`, or the file that stands for all of those).

    Not what the settings have, which is the same for all stacks, and no secret: an access key is not what a run makes.
    """
    one = os.environ.get("PULUMI_OPTION_CONFIG_FILE")
    files = [Path(one)] if one else sorted(root.glob("Pulumi.*.yaml"))
    for name, content in (("", project), *((file.name if not one else "*", _mapping(file)) for file in files)):
        for key, value in sorted((content.get("config") or {}).items()):
            if (key if ":" in key else f"tenantry:{key}") not in KEYS.values() and not (isinstance(value, dict) and "secure" in value):
                yield f"{name} {key}", value


def _mapping(file: Path) -> Mapping[str, Any]:
    """A file of Pulumi's. What is wrong with it, the settings say; a stack's that is not there has none."""
    try:
        found = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # as settings.py
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
