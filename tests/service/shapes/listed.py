"""The shapes of shapes.sql: each has a name, its SQL, and what goes into it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.service.shapes.generated import Shape

_FILE: Final = Path(__file__).with_name("shapes.sql")
_ZOO: Final = Path(__file__).with_name("zoo.sql")
_NAMED: Final = re.compile(r"^-- shape: (.+)$", re.MULTILINE)


def listed() -> dict[str, Shape]:
    """Name → shape, in the file's order: some point at earlier ones."""
    parts = _NAMED.split(_FILE.read_text(encoding="utf-8"))[1:]
    return {name: _read(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def names() -> list[str]:
    """All that the zoo has, those of zoo.sql too, which make one schema together."""
    return _NAMED.findall(_ZOO.read_text(encoding="utf-8")) + list(listed())


def _read(text: str) -> Shape:
    create, fill, write = (*re.split(r"^-- (?:fill|write)$", text, flags=re.MULTILINE), "", "")[:3]
    return Shape(create.strip() + "\n", fill.strip(), _statements(write))


def _statements(text: str) -> tuple[str, ...]:
    return tuple(statement.strip() for statement in re.split(r";$", text, flags=re.MULTILINE) if statement.strip())
