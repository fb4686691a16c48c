"""Sets one value in a YAML text and leaves every other character alone: comments, order and formatting are people's.

PyYAML's marks say where a value stands; the new one is written in its place, or a line (in a flow mapping: an entry) is added. What cannot
be done so is refused, and the result is read again: it must be the old content with that value, nothing else.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tenantry.declaration.yaml_source import YamlFaults, parse

# Text that reads the same without quotes, in block and in flow style.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*", re.ASCII)
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


class CannotEdit(Exception):
    """The text cannot be edited so; the message says why."""


def set_value(text: str, path: tuple[str, ...], value: Any) -> str:
    """``text`` with ``value`` (text, number or boolean) at ``path``; missing mappings on the way are added. ``CannotEdit`` otherwise."""
    before = _content(text)
    edited = _edited(text, path, value)
    wanted = before
    for step in path[:-1]:
        wanted = wanted.setdefault(step, {})
    wanted[path[-1]] = value
    if _content(edited) != before:
        raise CannotEdit("the file is formatted in a way that this cannot edit")
    return edited


def _content(text: str) -> dict[str, Any]:
    try:
        return parse(text.encode())[0]
    except YamlFaults as error:
        raise CannotEdit(str(error)) from None


def _edited(text: str, path: tuple[str, ...], value: Any) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for depth, step in enumerate(path):
        if not isinstance(node, MappingNode):
            raise CannotEdit(f"{'.'.join(path[:depth])} is not a mapping")
        below = next((child for key, child in node.value if key.value == step), None)
        if below is None:
            return _added(text, node, path[depth:], value)
        node = below
    return _replaced(text, node, value, path)


def _replaced(text: str, node: Node | None, value: Any, path: tuple[str, ...]) -> str:
    if not isinstance(node, ScalarNode):
        raise CannotEdit(f"{'.'.join(path)} is not a single value")
    start, end = node.start_mark.index, node.end_mark.index
    if start == end:  # `key:` with nothing after it
        return f"{text[:start]} {_scalar(value)}{text[end:]}"
    if node.style not in ("|", ">"):
        return text[:start] + _scalar(value, node.style) + text[end:]
    # A block's lines are indented by what its first one has; its end is the beginning of the line after it.
    first = text.find("\n", start) + 1
    indent = len(text[first:end]) - len(text[first:end].lstrip(" "))
    block = _block(value, indent, _break(text)) if isinstance(value, str) else None
    if block is None:
        return text[:start] + _scalar(value) + _break(text) + text[end:]
    return text[:start] + block + text[end:]


def _added(text: str, mapping: MappingNode, rest: tuple[str, ...], value: Any) -> str:
    if mapping.flow_style:
        return _added_in_flow(text, mapping, rest, value)
    column = mapping.start_mark.column
    at = _end_of_line(text, _last(mapping))
    newline = _break(text)
    lines = []
    for depth, step in enumerate(rest[:-1]):
        lines.append(f"{' ' * (column + 2 * depth)}{step}:")
    indent = column + 2 * (len(rest) - 1)
    block = _block(value, indent + 2, newline) if isinstance(value, str) and "\n" in value else None
    lines.append(f"{' ' * indent}{rest[-1]}: {block.rstrip(newline) if block else _scalar(value)}")
    ending = "" if not at or text[at - 1] == "\n" else newline
    return text[:at] + ending + newline.join(lines) + newline + text[at:]


def _added_in_flow(text: str, mapping: MappingNode, rest: tuple[str, ...], value: Any) -> str:
    entry = f"{rest[-1]}: {_scalar(value)}"
    for step in reversed(rest[:-1]):
        entry = f"{step}: {{{entry}}}"
    if not mapping.value:
        at = mapping.start_mark.index + 1
        return text[:at] + entry + text[at:]
    at = mapping.value[-1][1].end_mark.index
    return f"{text[:at]}, {entry}{text[at:]}"


def _last(node: Node) -> int:
    """Where the last thing of a node ends. The end of a block mapping or list is where the next thing begins, after comments."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, MappingNode) else last
    return int(node.end_mark.index)


def _end_of_line(text: str, at: int) -> int:
    """After the line that ``at`` is in, with its comment; ``at`` itself at the beginning of a line (after a block of text)."""
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return found + 1 if found >= 0 else len(text)


def _break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _scalar(value: Any, style: str | None = None) -> str:
    """A value on one line, in the quotes that the old one had where they can hold it."""
    if not isinstance(value, str):
        return json.dumps(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style is None and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # YAML's double quotes take JSON's escapes.
    return json.dumps(value, ensure_ascii=not value.replace("\n", "").isprintable())


def _block(text: str, indent: int, newline: str) -> str | None:
    """``|`` with the text's lines below it, indented; None where a block could not give the text back unchanged."""
    body = text.removesuffix("\n")
    lines = body.split("\n")
    if not body or text.endswith("\n\n") or body[0] in " \t\n" or not body.replace("\n", "").isprintable() or indent == 0:
        return None
    if any(line != line.rstrip() for line in lines):
        return None
    head = "|" if text.endswith("\n") else "|-"
    return head + newline + "".join((" " * indent + line if line else "") + newline for line in lines)
