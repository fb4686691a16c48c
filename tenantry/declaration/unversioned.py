"""Files of the declarations that git does not have: made from here, and from no other clone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tenantry.clients.git import Repository
from tenantry.declaration.assets import CONTENT_TYPES
from tenantry.declaration.files import SUFFIX, display
from tenantry.problems import Problem, Severity

SHOWN: Final = 3
"""Files that a note names."""


def unversioned(directory: Path) -> list[Path]:
    """Declarations, tiers and pictures that are not added, or that a rule ignores; none where there is no repository."""
    repository = Repository.of(directory)
    if repository is None:
        return []
    found = (path.relative_to(repository.folder) for path in repository.untracked([repository.folder]))
    return sorted(directory / path for path in found if _is_read(path))


def note(directory: Path) -> str:
    """The same in one line, for a command that makes them all the same; empty where there are none."""
    found = [display(path) for path in unversioned(directory)]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"note: not in git, so no other clone has it: {', '.join(found[:SHOWN])}{more}" if found else ""


def problems(directory: Path, severity: Severity) -> Iterator[Problem]:
    """The same, each with the way into git."""
    found = unversioned(directory)
    repository = Repository.of(directory) if found else None
    ignored = repository.ignored([repository.folder]) if repository else set()
    for path in found:
        name = display(path)
        by_rule = path.resolve() in ignored
        hint = f"git check-ignore -v {name} names the rule that ignores it" if by_rule else f"git add {name}"
        yield Problem(name, 1, 1, "is not in git: no other clone has it", hint, severity)


def _is_read(path: Path) -> bool:
    if any(part.startswith(".") for part in path.parts):
        return False
    if path.suffix == SUFFIX:
        return len(path.parts) == 1 or (len(path.parts) == 2 and path.parts[0] == "defaults")
    return path.parts[0] == "assets" and path.suffix.removeprefix(".") in CONTENT_TYPES
