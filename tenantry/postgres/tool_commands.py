"""Runs the commands of the application's own migration tool, and reads what they say."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from tenantry.clients import environment, process
from tenantry.clients.process import Ended
from tenantry.declaration import migration_tool
from tenantry.declaration.migration_tool import REVISION, MigrationTool
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.escape import escaped
from tenantry.settings import migrations_dir

LINES: Final = 3
WIDTH: Final = 240
_WAITED: Final = re.compile(r"lock timeout|deadlock detected", re.IGNORECASE)
"""How PostgreSQL says, through whatever tool, that somebody else held a lock."""
# Colours and the like, whole: of the escape character alone the rest would be left as text.
_STEERING: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_QUOTES_ROWS: Final = re.compile(r"\s*(?:DETAIL|CONTEXT|Detail|Failing row)\b")


class Waited(TransientError):
    """The tool met a lock that another session held."""


@lru_cache(maxsize=8)
def revisions(tool: MigrationTool) -> tuple[str, ...]:
    """The tool's revisions, oldest first, the newest last: all of them where it can say them, else the newest alone.

    Once for a process: what a run has begun with it ends with. ``InputError`` when the tool does not say it.
    """
    newest = _digest(tool) if tool.digest is not None else _asked(tool, "head", tool.head or ())
    if newest is None:
        raise InputError(f"{tool.name} prints no newest revision", f"{migration_tool.FILE}: head")
    if tool.history is None:
        return (newest,)
    found = tuple(_first_words(_storeless(tool, "history", tool.history).output))
    if not found or found[-1] != newest or len(set(found)) != len(found):
        raise InputError(
            f"{tool.name}: what history prints does not end with {newest}, the newest revision", "oldest first, one a line, each once"
        )
    return found


def run(tool: MigrationTool, command: Sequence[str], store: Mapping[str, str], secrets: Sequence[str]) -> Ended:
    """Runs a command in the store that the variables ``store`` name. ``WorkError`` with the last of what it said when it fails,
    ``Waited`` when that was a lock. None of the ``secrets`` is in the words."""
    given = {name: value for name in tool.environment if (value := os.environ.get(name)) is not None}
    try:
        ended = process.captured(
            command, limit=tool.timeout, cwd=migration_tool.folder(tool), environment={**environment.plain(), **given, **store}
        )
    except WorkError as error:
        raise WorkError(f"{tool.name}: {error.message}", error.hint) from None
    if ended.code != 0:
        words = said(ended, secrets)
        kind = Waited if _WAITED.search(ended.errors + ended.output) else WorkError
        raise kind(f"{tool.name} ended with {ended.code}: {words or 'it said nothing'}", "mend the migration, or what it met")
    return ended


def current(tool: MigrationTool, store: Mapping[str, str], secrets: Sequence[str]) -> str | None:
    """What the tool says the store is at; None where it says nothing, and for a tool that cannot say it."""
    return None if tool.current is None else _one(tool, "current", run(tool, tool.current, store, secrets).output)


def said(ended: Ended, secrets: Sequence[str] = ()) -> str:
    """The last lines that a program said, as one: without secrets, what steers a terminal, and lines in which PostgreSQL quotes a row."""
    text = ended.errors if ended.errors.strip() else ended.output
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    lines = [line.strip() for line in _STEERING.sub("", text).splitlines() if line.strip() and not _QUOTES_ROWS.match(line)]
    return " / ".join(escaped(line)[:WIDTH] for line in lines[-LINES:])


def _storeless(tool: MigrationTool, what: str, command: Sequence[str]) -> Ended:
    try:
        return run(tool, command, {}, ())
    except WorkError as error:
        raise InputError(
            f"{what}: {error.message}", f"{migrations_dir().name}/{migration_tool.FILE}: it has to work without a store"
        ) from None


def _asked(tool: MigrationTool, what: str, command: Sequence[str]) -> str | None:
    return _one(tool, what, _storeless(tool, what, command).output)


def _one(tool: MigrationTool, what: str, output: str) -> str | None:
    """The first word of the only line, as in ``0002 (head)``; None where nothing was printed."""
    found = _first_words(output)
    if len(found) > 1:
        raise InputError(f"{tool.name}: what {what} prints has {len(found)} lines, of which each would be a revision", "one line, or none")
    return found[0] if found else None


def _first_words(output: str) -> list[str]:
    words = [line.split()[0] for line in output.splitlines() if line.strip()]
    for word in words:
        if not REVISION.fullmatch(word):
            raise InputError(f"{escaped(word)[:60]!r} cannot be a revision", "letters, digits and . _ : + @ / -, at most 100 of them")
    return words


def _digest(tool: MigrationTool) -> str:
    """Of names and contents, below the tool's folder; what Python leaves beside its sources is none of it."""
    base, found = migration_tool.folder(tool), hashlib.sha256()
    for given in tool.digest or ():
        start = base / given
        files = [start] if start.is_file() else sorted(path for path in start.rglob("*") if path.is_file()) if start.is_dir() else []
        files = [path for path in files if not _left_behind(path)]
        if not files:
            raise InputError(f"{migrations_dir().name}/{migration_tool.FILE}: there are no files in {given}", "digest names what is there")
        for path in files:
            content = path.read_bytes()
            found.update(f"{path.relative_to(base) if path.is_relative_to(base) else path.name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:16]


def _left_behind(path: Path) -> bool:
    return path.suffix == ".pyc" or any(part == "__pycache__" or part.startswith(".") for part in path.parts[-4:])
