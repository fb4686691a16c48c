"""The reviewed file that says, for every column of every tenant table, what may cross into a clone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from tenantry.declaration import branding
from tenantry.declaration.yaml_source import Fault, Path_, Positions, YamlFaults, parse, read_bytes
from tenantry.errors import InputError
from tenantry.postgres import reference_tables
from tenantry.problems import Problem, nearest, shown
from tenantry.settings import migrations_dir

Kind = Literal["keep", "null", "hash", "fake", "scramble", "format", "shift"]
Fake = Literal[
    "name", "first_name", "last_name", "email", "company", "phone", "address", "street", "city", "job", "word", "username", "url"
]

FAKES: Final[tuple[str, ...]] = get_args(Fake)
_PLAIN: Final[Mapping[Any, Kind]] = {
    "keep": "keep", "null": "null", None: "null", "hash": "hash", "scramble": "scramble", "scramble format": "format", "shift": "shift",
}  # fmt: skip
_WORDS: Final = (*(word for word in _PLAIN if word), *(f"fake {name}" for name in FAKES))


@dataclass(frozen=True)
class Treatment:
    """What happens to one column. ``fake`` names a dictionary; ``keys`` and ``kept`` are for JSON alone."""

    kind: Kind
    fake: Fake | None = None
    keys: tuple[str, ...] = ()
    """Keys of JSON objects that stay readable; ``*`` for all. Other keys become hashes, because a key can be a name."""
    kept: tuple[str, ...] = ()
    """Keys of JSON objects whose values stay as they are."""

    def __str__(self) -> str:
        return f"fake {self.fake}" if self.fake else "scramble format" if self.kind == "format" else self.kind


@dataclass(frozen=True)
class Classification:
    """The file's content. A table's columns, or None: none of its rows crosses."""

    name: str
    tenant: Mapping[str, Mapping[str, Treatment] | None]
    reference: frozenset[str]
    """The tables that are the same for all tenants: nothing of them is a tenant's, and revisions have written the clone's."""
    control: frozenset[str]
    objects: tuple[str, ...]
    """Beginnings of object keys, below the tenant's prefix."""
    positions: Positions
    digest: str
    """SHA-256 of the file, in hex."""

    def problem(self, path: Path_, message: str, hint: str = "") -> Problem:
        """Something wrong at a place of the file."""
        line, column = self.positions.of(path, key=True) or self.positions.of(path) or (1, 1)
        return Problem(self.name, line, column, message, hint)


class ClassificationErrors(InputError):
    """Every problem of the file, or of what it says about the tables."""

    code = "classification.invalid"

    def __init__(self, problems: list[Problem], hint: str) -> None:
        self.problems = sorted(set(problems))
        more = f" (and {len(self.problems) - 1} more: tenantry clone check)" if len(self.problems) > 1 else ""
        super().__init__(f"{self.problems[0]}{more}", hint)

    def as_json(self) -> dict[str, Any]:
        """With each of the ``problems`` as an object of its own."""
        return {**super().as_json(), "problems": [problem.as_json() for problem in self.problems]}


def read(file: Path | None = None) -> Classification:
    """The classification in ``file``, else that beside the migrations; ``ClassificationErrors`` with everything that is wrong in it."""
    file = file or migrations_dir() / "classification.yaml"
    name = f"{file.parent.name}/{file.name}"
    try:
        data = read_bytes(file)
        content, positions = parse(data)
    except YamlFaults as faults:
        raise ClassificationErrors(
            [Problem(name, fault.line, fault.column, fault.message, fault.hint) for fault in faults.faults], _HINT
        ) from None
    reader = _Reader(positions)
    sections = ("tenant", reference_tables.SECTION, "control", "objects")
    for key in content.keys() - set(sections):
        reader.fault((key,), f"there is no section {shown(key)}", nearest(key, sections))
    tenant, control, objects = reader.tables(content), reader.dropped(content), reader.prefixes(content)
    reference = reader.reference(content, tenant)
    if reader.faults:
        raise ClassificationErrors([Problem(name, fault.line, fault.column, fault.message, fault.hint) for fault in reader.faults], _HINT)
    return Classification(name, tenant, reference, control, objects, positions, hashlib.sha256(data).hexdigest())


_HINT: Final = "correct the classification; nothing was touched"


class _Reader:
    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self.faults: list[Fault] = []

    def fault(self, path: Path_, message: str, hint: str = "") -> None:
        line, column = self.positions.of(path, key=True) or self.positions.of(path) or (1, 1)
        self.faults.append(Fault(line, column, message, hint))

    def tables(self, content: Mapping[str, Any]) -> dict[str, Mapping[str, Treatment] | None]:
        found: dict[str, Mapping[str, Treatment] | None] = {}
        for table, columns in self._mapping(content, "tenant").items():
            if columns == "drop":
                found[table] = None
            elif isinstance(columns, dict):
                found[table] = {name: self._treatment(("tenant", table, name), given) for name, given in columns.items()}
            else:
                self.fault(("tenant", table), f"{table} must be `drop` or a mapping of its columns")
        return found

    def reference(self, content: Mapping[str, Any], tenant: Mapping[str, Any]) -> frozenset[str]:
        section = reference_tables.SECTION
        found = reference_tables.names(content.get(section))
        if found is None:
            self.fault((section,), f"{section} must be a list of names of tables")
        for table in sorted(name for name in found or () if tenant.get(name) is not None):  # `drop` is as true
            self.fault(("tenant", table), f"{table} is a reference table, too: none of its rows is a tenant's", "remove it here")
        return found or frozenset()

    def dropped(self, content: Mapping[str, Any]) -> frozenset[str]:
        tables = self._mapping(content, "control")
        for table, given in tables.items():
            if given != "drop":
                self.fault(("control", table), f"{table}: rows of the registry never cross", "write drop")
        return frozenset(tables)

    def prefixes(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        given = content.get("objects") or []
        if not isinstance(given, list) or not all(isinstance(prefix, str) and prefix for prefix in given):
            self.fault(("objects",), "objects must be a list of beginnings of keys, below the tenant's prefix")
            return ()
        for index, prefix in enumerate(given):
            if prefix.startswith(branding.FOLDER):
                self.fault(("objects", index), "branding never crosses: the clone's is made from its own file", "remove it")
        return tuple(given)

    def _mapping(self, content: Mapping[str, Any], section: str) -> dict[str, Any]:
        given = content.get(section)
        if given is None:
            return {}
        if not isinstance(given, dict):
            self.fault((section,), f"{section} must be a mapping of tables")
            return {}
        return given

    def _treatment(self, path: Path_, given: Any) -> Treatment:
        if isinstance(given, dict):
            return self._json(path, given)
        if given is None or (isinstance(given, str) and given in _PLAIN):
            return Treatment(_PLAIN[given])
        word, _, name = str(given).partition(" ")
        if word == "fake" and name in FAKES:
            return Treatment("fake", cast("Fake", name))
        self.fault(path, f"{path[1]}.{path[2]}: there is no treatment {shown(given)}", nearest(str(given), _WORDS))
        return Treatment("null")

    def _json(self, path: Path_, given: dict[str, Any]) -> Treatment:
        inner = given.get("scramble")
        lists = inner if isinstance(inner, dict) else {}
        right = all(isinstance(value, list) and all(isinstance(key, str) for key in value) for value in lists.values())
        if given.keys() != {"scramble"} or not lists or lists.keys() - {"keys", "keep"} or not right:
            self.fault(path, f"{path[1]}.{path[2]}: not a treatment", "for JSON: {scramble: {keys: [may be read], keep: [values stay]}}")
            return Treatment("null")
        kept = tuple(lists.get("keep", ()))
        return Treatment("scramble", keys=(*lists.get("keys", ()), *kept), kept=kept)
