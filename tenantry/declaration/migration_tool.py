"""The application's own migration tool, declared in one reviewed file, `migrations/tool.yaml`, in the place of `migrations/tenant`."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tenantry.declaration.explain import explain
from tenantry.declaration.yaml_source import YamlFaults, parse, read_bytes
from tenantry.errors import InputError
from tenantry.problems import invalid
from tenantry.settings import migrations_dir

FILE: Final = "tool.yaml"
REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+@/-]{0,99}")
"""What a tool may call a revision: it stands in comments, states and tables of people, on one line."""
_OURS: Final = re.compile(r"(?:PG|TENANTRY_).*")


def _word(text: str) -> str:
    if "\0" in text:
        raise invalid("contains a NUL", "remove it")
    return text


def _passed(name: str) -> str:
    if _OURS.fullmatch(name):
        raise invalid(f"{name} is Tenantry's to set: it says which store is meant", "remove it")
    return name


Command = Annotated[tuple[Annotated[str, AfterValidator(_word)], ...], Field(min_length=1, max_length=50)]
"""A program and its arguments, as they are handed over: no shell reads them."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=63)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_passed)]


class MigrationTool(BaseModel):
    """What the file says. Paths are relative to the folder that the file is in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    """What people call it, in messages."""
    migrate: Command
    """Brings the store that the environment names to the newest revision."""
    to: Command | None = None
    """The same to the revision that stands for ``{revision}``: for a backup of shared tables that is older than the newest."""
    head: Command | None = None
    """Prints the newest revision. It has no store."""
    digest: tuple[str, ...] | None = None
    """Instead of ``head``: files and folders, of whose content the newest revision is the digest."""
    current: Command | None = None
    """Prints the store's revision, in the words of ``head``; nothing for a store that has none."""
    history: Command | None = None
    """Prints every revision, oldest first, one a line: so that an older checkout is told from a newer one. It has no store."""
    check: Command | None = None
    """For `migrate --check`: ends with 0 where the tables that it finds in the store are what the application wants."""
    folder: str = "."
    """Where the commands run."""
    tables: tuple[Identifier, ...] = ()
    """The tables that the tool keeps its own books in: nobody's rows, and the application has no right to them."""
    extensions: tuple[Identifier, ...] = ()
    """What has to be in the database before the tool runs."""
    environment: tuple[Variable, ...] = ()
    """Variables that are handed on. Besides them a command gets PATH, HOME, LANG and the like, and what says which store is meant."""
    timeout: Annotated[int, Field(ge=1, le=86_400)] = 600
    """Seconds that a command may take in one store."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.head is None) == (self.digest is None):
            raise invalid(
                "says head or digest, one of the two", "head: a command that prints the newest revision; digest: the files it is of"
            )
        if (self.head is None) != (self.current is None):
            raise invalid(
                "says head and current, or neither", "what a store is at is compared with the newest, and a digest is no tool's word"
            )
        if self.to is not None and not any("{revision}" in word for word in self.to):
            raise invalid("to names no {revision}", "write {revision} where the tool wants it")
        return self


def declared() -> MigrationTool | None:
    """The tool of this installation; none: `migrations/tenant` it is. ``InputError`` for a file that says it wrongly."""
    file = migrations_dir() / FILE
    try:
        changed = file.stat().st_mtime_ns
    except OSError:
        return None
    return _read(file, changed)


def folder(tool: MigrationTool) -> Path:
    """Where its commands run. ``InputError`` when it is not there."""
    found = (migrations_dir() / tool.folder).resolve()
    if not found.is_dir():
        raise InputError(f"{migrations_dir().name}/{FILE}: there is no folder {tool.folder}", "paths are relative to the file")
    return found


@lru_cache(maxsize=8)
def _read(file: Path, changed: int) -> MigrationTool:
    """``changed`` is part of the cache's key, so that an edited file is read again."""
    name = f"{file.parent.name}/{file.name}"
    try:
        content, positions = parse(read_bytes(file))
    except YamlFaults as faults:
        first = faults.faults[0]
        raise InputError(f"{name}:{first.line}:{first.column}: {first.message}", first.hint) from None
    try:
        return MigrationTool.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False)
        lines = []
        for details in found:
            said = explain(details, MigrationTool)
            place: tuple[Any, ...] = said.place
            at = positions.of(place, key=said.about_key)
            while at is None and place:
                at = positions.of(place, key=True)
                place = place[:-1]
            line, column = at or (1, 1)
            lines.append(f"{name}:{line}:{column}: {said.message}" + (f" ({said.hint})" if said.hint else ""))
        raise InputError("\n".join(lines), "correct it; nothing was touched (docs/migrations.md)") from None
