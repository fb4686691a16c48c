"""Style in a picture: checked as CSS, written anew from what was understood, with the parts of the picture that it names.

A property that does nothing to a drawing is not published: inside HTML it could do something to the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import tinycss2

from tenantry.declaration.css import Allowed, check_nodes, rules, url_of, walk
from tenantry.declaration.svg_words import STYLE
from tenantry.problems import invalid

# A percent sign or a space would be read away by a browser, and then name something else.
OWN_PART: Final = re.compile(r"#[^\s%]{1,200}")
_SHEET: Final = Allowed(frozenset({"media"}), lambda url: OWN_PART.fullmatch(url) is not None, "name a part of the picture: url(#id)")
_DECLARATIONS: Final = _SHEET._replace(at_rules=frozenset())
# What a value or a selector may call. var() is not here: what it stands for can come from the page around the picture.
_NAMES: Final = """
    url rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix calc min max clamp matrix translate translatex translatey scale scalex
    scaley rotate skewx skewy circle ellipse inset polygon path is where not has nth-child nth-last-child nth-of-type nth-last-of-type
"""
_FUNCTIONS: Final = frozenset(_NAMES.split())
# An effect on a group is drawn once; these would give it to everything inside.
_WIDE: Final = frozenset({"inherit", "initial", "revert", "revert-layer", "unset"})
_EFFECTS: Final = frozenset({"filter", "mask", "clip-path"})
_LAYERS: Final = frozenset({"opacity", "mix-blend-mode", "isolation"})
_PLAIN: Final = re.compile(r"[A-Za-z0-9#%., +-]*", re.ASCII)

LAYER: Final = "\0layer"
"""Stands among the ids for what is drawn by itself first, and then laid over what is there."""
EVERYTHING: Final = ""
"""Stands for a selector that is more than one class, id or name."""


class Sheet(NamedTuple):
    """A style sheet: its text, and the ids (``LAYER`` among them) that its rules name, by selector: ``.class``, ``#id`` or a name."""

    text: str
    named: Mapping[str, frozenset[str]]


class Style(NamedTuple):
    """Declarations or one value: the text, and the ids that it names, ``LAYER`` among them."""

    text: str
    named: frozenset[str]


def sheet(text: str) -> Sheet:
    """What stands in ``<style>``. ``PydanticCustomError`` where it could load, or reach beyond the picture."""
    found = rules(text)
    check_nodes(found, _SHEET)
    named: dict[str, frozenset[str]] = {}
    written = "".join(_rule(node, named) for node in found)
    return Sheet(written, named)


@lru_cache(maxsize=4096)
def declarations(text: str) -> Style:
    """What stands in a ``style`` attribute."""
    found = rules(f"x{{{text}\n}}")
    if len(found) != 1:
        raise invalid("CSS goes on behind its declarations", "remove the bracket")
    return _declarations(found[0].content)


@lru_cache(maxsize=4096)
def value(name: str, text: str) -> Style:
    """What stands in a presentation attribute."""
    if name not in _EFFECTS | _LAYERS and _PLAIN.fullmatch(text):
        return Style(text, frozenset())
    found = declarations(f"{name}:{text}")
    return Style(found.text.removeprefix(f"{name}:").removesuffix(";").strip(), found.named)


def _rule(node: Any, named: dict[str, frozenset[str]]) -> str:
    prelude = tinycss2.serialize(node.prelude).strip()
    _check_functions(node.prelude)
    if node.type == "at-rule":
        if node.content is None:
            raise invalid("CSS may not use @media without a block", "remove it")
        inside = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
        check_nodes(inside, _SHEET)
        below: dict[str, frozenset[str]] = {}
        text = "".join(_rule(child, below) for child in inside)
        for selector, ids in below.items():
            named[selector] = named.get(selector, frozenset()) | ids
        return f"@media {prelude}{{{text}}}"
    body = _declarations(node.content)
    if body.named:
        for selector in _selectors(node.prelude):
            named[selector] = named.get(selector, frozenset()) | body.named
    return f"{prelude}{{{body.text}}}"


def _declarations(content: Sequence[Any]) -> Style:
    found = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
    check_nodes(found, _DECLARATIONS)
    _check_functions(found)
    named, kept = set(), []
    for node in found:
        if node.type != "declaration" or node.name.startswith("--"):
            raise invalid("CSS in a picture may have neither nested rules nor custom properties", "write plain declarations")
        if node.lower_name in _EFFECTS and any(part.type == "ident" and part.lower_value in _WIDE for part in node.value):
            raise invalid(f"CSS in a picture may not inherit {node.name}", "remove it")
        if node.lower_name in STYLE:
            named |= {url_of(part).removeprefix("#") for part in walk(node.value) if _is_url(part)}
            named |= {LAYER} if node.lower_name in _LAYERS else set()
            kept.append(f"{node.lower_name}:{tinycss2.serialize(node.value).strip()}{'!important' if node.important else ''};")
    return Style("".join(kept), frozenset(named))


def _check_functions(nodes: Sequence[Any]) -> None:
    for node in walk(nodes):
        if node.type == "function" and node.lower_name not in _FUNCTIONS:
            raise invalid(f"CSS in a picture may not use {node.name}()", "write what it gives")


def _is_url(node: Any) -> bool:
    return bool(node.type == "url" or (node.type == "function" and node.lower_name == "url"))


def _selectors(prelude: Sequence[Any]) -> set[str]:
    """Each selector of a rule, where it is one class, id or name; in lower case, as a page in quirks mode compares."""
    found = set()
    for selector in tinycss2.serialize(prelude).split(","):
        parts = [node for node in tinycss2.parse_component_value_list(selector, skip_comments=True) if node.type != "whitespace"]
        match [(node.type, getattr(node, "value", None)) for node in parts]:
            case [("ident", name)] | [("literal", "."), ("ident", name)] | [("hash", name)] as one:
                prefix = {"literal": ".", "hash": "#"}.get(one[0][0], "")
                found.add(f"{prefix}{name}".lower())
            case _:
                found.add(EVERYTHING)
    return found
