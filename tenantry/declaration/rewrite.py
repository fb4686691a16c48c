"""Rewrites a tenant's file with an edited text: whole or not at all, and only with one that is valid."""

from __future__ import annotations

from pathlib import Path

from tenantry.declaration.files import FileReader
from tenantry.problems import DeclarationErrors


def read(path: Path) -> str:
    """The file's text, its line ends as they are."""
    with path.open(encoding="utf-8", newline="") as stream:
        return stream.read()


def check(path: Path, text: str) -> None:
    """Raises ``DeclarationErrors`` when ``text`` would not do as the file at ``path``."""
    reader = FileReader(path.parent)
    if reader.check(path.stem, text.encode()) is None or reader.problems:
        raise DeclarationErrors(reader.problems)


def rewrite(path: Path, text: str) -> bool:
    """Makes ``text``, once it is checked, the file's content; whether that was another. The file's own mode stays."""
    check(path, text)
    if text == read(path):
        return False
    scratch = path.with_name(f".{path.name}.tmp")
    with scratch.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    scratch.chmod(path.stat().st_mode)
    scratch.replace(path)
    return True
