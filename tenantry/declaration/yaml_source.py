"""A strict YAML reader: libyaml's scanner, YAML 1.2's core types, and nothing that makes a reviewed file hard to read.

Refused: duplicate keys, anchors, aliases, merge keys, tags, directives, several documents, more than ``MAX_BYTES``, ``MAX_VALUES``
or ``MAX_DEPTH`` levels, NUL bytes, anything but UTF-8. Only ``true`` and ``false`` are booleans; numbers are decimal;
dates stay text. Events are read one by one, so no input makes the reader recurse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # not in the stubs' __all__
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from tenantry.problems import shown

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20
MAX_VALUES: Final = 5_000
"""Keys and values together: 256 KiB can hold a list of 120,000, and checking each takes time."""
MAX_FAULTS: Final = 100
"""Per file; what is beyond them is not shown until they are corrected."""

Path_ = tuple[str | int, ...]

_WORDS: Final[dict[str, Any]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# At most 18 digits: int() of a long text is quadratic. A leading zero stays text, because YAML 1.1 reads 010 as 8.
CONFLICT: Final = re.compile(rb"^[ \t]*(<{7}|>{7}|\|{7})(?:[ \t\r\n]|\Z)", re.MULTILINE)
"""A line that git puts around what two branches say."""
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})?(?:\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place of one file; line and column count from 1."""

    line: int
    column: int
    message: str
    hint: str = ""


class YamlFaults(Exception):
    """The file cannot be used; ``faults`` has at least one entry, at most ``MAX_FAULTS``."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = faults


@dataclass(slots=True)
class Positions:
    """Where every key and value of a file begins: path → (line, column), counted from 1."""

    keys: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path_, tuple[int, int]] = field(default_factory=dict)

    def of(self, path: Path_, *, key: bool = False) -> tuple[int, int] | None:
        """The place of exactly this path: its key if asked for, else its value."""
        return self.keys.get(path) if key else self.values.get(path)


def read_bytes(path: Path) -> bytes:
    """A regular file's content. Raises ``YamlFaults`` when it is not one, unreadable, or larger than ``MAX_BYTES``."""
    try:
        if not path.is_file():  # a FIFO or a device would never end
            raise YamlFaults([Fault(1, 1, "is not a regular file")])
        # Error messages quote values: a link must not make them quote another file of the machine.
        if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
            raise YamlFaults([Fault(1, 1, "is a link out of its folder", "put the file itself there")])
        with path.open("rb", buffering=0) as stream:
            data = stream.read(MAX_BYTES + 1) or b""
    except OSError as error:
        raise YamlFaults([Fault(1, 1, f"cannot be read: {error.strerror}")]) from None
    if len(data) > MAX_BYTES:
        raise YamlFaults([Fault(1, 1, f"is larger than {MAX_BYTES // 1024} KiB", "a declaration has a few dozen lines")])
    return data


def parse(data: bytes) -> tuple[dict[str, Any], Positions]:
    """One mapping and the positions in it. Raises ``YamlFaults`` with everything that could be found before reading had to stop."""
    faults: list[Fault] = []
    try:
        value, positions = _build(CParser(_text(data)), faults)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "cannot be read"
        faults.append(Fault(mark.line + 1, mark.column + 1, f"is not YAML: {what}") if mark else Fault(1, 1, f"is not YAML: {what}"))
    except yaml.reader.ReaderError as error:
        faults.append(_at(data, error.position or 0, f"is not YAML: {error.reason}"))
    except _Stop:
        pass
    if faults:
        raise YamlFaults(faults)
    if not isinstance(value, dict):
        line, column = positions.values.get((), (1, 1))
        what = "is empty" if value is None else "must be a mapping of keys to values"
        raise YamlFaults([Fault(line, column, what, "a declaration begins with `name: …`")])
    return value, positions


class _Stop(Exception):
    """Reading on makes no sense; the faults so far say why."""


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise YamlFaults([_at(data, error.start, "is not UTF-8", "save the file as UTF-8")]) from None
    # libyaml ends a text at its first NUL without saying so.
    if "\0" in text:
        raise YamlFaults([_at(data, data.index(b"\0"), "contains a NUL byte")])
    # Inside a long text they would be words like others, and be mailed.
    if marker := CONFLICT.search(data):
        raise YamlFaults([_at(data, marker.start(1), "has git's marks of a conflict", "settle the conflict, and take the marks out")])
    return text


def _at(data: bytes, offset: int, message: str, hint: str = "") -> Fault:
    before = data[:offset]
    line_start = before.rfind(b"\n") + 1
    return Fault(before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1, message, hint)


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


def _build(parser: Any, faults: list[Fault]) -> tuple[Any, Positions]:
    """The document's value, built from events with a stack of open collections."""
    positions = Positions()
    keys, values = positions.keys, positions.values
    next_event = parser.get_event
    root: Any = None
    documents = 0
    # The innermost open collection: itself, its path, and for a mapping the key whose value comes next.
    holder: Any = None
    path: Path_ = ()
    key: str | None = None
    stack: list[tuple[Any, Path_]] = []

    def fault(event: Any, message: str, hint: str = "") -> None:
        mark = event.start_mark
        faults.append(Fault(mark.line + 1, mark.column + 1, message, hint))
        if len(faults) >= MAX_FAULTS:
            raise _Stop

    while True:
        event = next_event()
        kind = event.__class__
        if kind is ScalarEvent:
            text = event.value
            if event.anchor is not None or event.tag is not None:
                fault(event, *_decoration(event))
            if holder.__class__ is dict and key is None:
                key = text
                mark = event.start_mark
                here = (*path, text)
                if text in holder:
                    fault(event, f"the key {text[:60]!r} appears twice", f"first on line {keys[here][0]}")
                elif text == "<<" and event.implicit[0]:
                    fault(event, "merge keys are not allowed", "write the values out")
                keys[here] = (mark.line + 1, mark.column + 1)
                continue
            value = _scalar(text) if event.implicit[0] else text
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if event.anchor is not None or event.tag is not None:
                fault(event, *_decoration(event))
            if holder.__class__ is dict and key is None:
                fault(event, "a key must be plain text")
                raise _Stop
            if len(stack) >= MAX_DEPTH:
                fault(event, f"is nested deeper than {MAX_DEPTH} levels")
                raise _Stop
            value = {} if kind is MappingStartEvent else []
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            holder, path = stack.pop()
            key = None
            continue
        elif kind is AliasEvent:
            fault(event, "aliases are not allowed", "write the value out")
            if holder.__class__ is dict and key is None:
                key = f"*{event.anchor}"
                continue
            value = None
        elif kind is StreamEndEvent:
            return root, positions
        else:
            if kind is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    fault(event, "a file holds one document", "remove what follows `---`")
                    raise _Stop
                if event.version or event.tags:
                    fault(event, "directives are not allowed", "remove the line that begins with %")
            continue

        if len(values) >= MAX_VALUES:
            fault(event, f"is more than {MAX_VALUES:,} values", "a declaration has a few dozen")
            raise _Stop
        # A finished scalar or a collection that has just begun: put it into its holder.
        mark = event.start_mark
        if holder is None:
            root, here = value, ()
        elif key is not None:
            here = (*path, key)
            holder[key] = value
            key = None
        else:
            here = (*path, len(holder))
            holder.append(value)
        values[here] = (mark.line + 1, mark.column + 1)
        if kind is not ScalarEvent and kind is not AliasEvent:
            stack.append((holder, path))
            holder, path = value, here


def _decoration(event: Any) -> tuple[str, str]:
    if event.tag is not None:
        return f"tags are not allowed: {shown(event.tag)}", "remove the tag; quote the value if it is text"
    return f"anchors are not allowed: &{event.anchor[:60]}", "write the value out where it is needed"
