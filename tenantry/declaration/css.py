"""CSS that comes from a tenant: it may style, it may not load, run, leave the style element or swallow what stands behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

import tinycss2

from tenantry.problems import invalid
from tenantry.text import hidden_character

MAX_CHARACTERS: Final = 65_536
MAX_DEPTH: Final = 64
"""Brackets in brackets; browsers read them with recursion."""
# Not @import, @namespace, @font-face, @charset: they load or rename. A later standard's at-rule is refused until someone looked at it.
AT_RULES: Final = frozenset({"media", "supports", "keyframes", "-webkit-keyframes", "layer", "container", "page"})
_DATA_IMAGES: Final = tuple(f"data:image/{kind};base64," for kind in ("png", "gif", "jpeg", "webp"))
_FUNCTIONS: Final = frozenset({"attr", "cross-fade", "element", "expression", "image", "image-set", "paint", "src"})
_VENDOR: Final = re.compile(r"^-[a-z]+-")
_PROPERTIES: Final = frozenset({"behavior", "-ms-behavior", "-moz-binding"})
_END: Final = "tenantry-end"


class Allowed(NamedTuple):
    """What CSS of one kind may do."""

    at_rules: frozenset[str]
    url: Callable[[str], bool]
    """Whether an address may be named."""
    hint: str
    """What to name instead."""


ALLOWED: Final = Allowed(AT_RULES, lambda url: url.lower().startswith(_DATA_IMAGES), "use a data:image/png;base64,… value, or the logo")


@lru_cache(maxsize=1024)
def check_css(text: str) -> str:
    """``text`` itself when it is safe to put in a ``style`` element of the application; otherwise a ``PydanticCustomError``.

    Refused: ``@import`` and every at-rule but ``AT_RULES``; ``url()`` except base64 PNG, GIF, JPEG and WebP images;
    ``expression()`` and functions that fetch; ``behavior`` and ``-moz-binding``; ``</``, ``<!``, ``<?`` and ``-->``; what does not
    parse; brackets, strings and comments that are not closed.
    """
    check_nodes(rules(text), ALLOWED)
    return text


def rules(text: str) -> list[Any]:
    """The rules of a style sheet (tinycss2's nodes, without comments), which ends where it seems to end."""
    if not text:
        return []
    if hidden := hidden_character(text, allowed="\n\t\r"):
        raise invalid(f"CSS contains the hidden character {hidden}", "remove it")
    for ending in ("</", "<!", "<?", "-->"):
        if ending in text:
            raise invalid(f"CSS may not contain {ending!r}: it could end the style element", "remove it")

    # What is not closed swallows whatever is put behind it, this rule too.
    found: list[Any] = tinycss2.parse_stylesheet(f"{text}\n@{_END};", skip_comments=True, skip_whitespace=True)
    last = found.pop() if found else None
    if last is None or last.type != "at-rule" or last.lower_at_keyword != _END:
        raise invalid("CSS has a bracket, string, comment or rule that is not closed", "close it")
    return found


def check_nodes(nodes: Iterable[Any], allowed: Allowed) -> None:
    """Refuses rules and values that load or run something."""
    for node in walk(nodes):
        _check(node, allowed)


def _check(node: Any, allowed: Allowed) -> None:
    match node.type:
        case "at-rule" | "at-keyword":  # the latter inside a block, which the parser leaves as it is
            name = node.lower_at_keyword if node.type == "at-rule" else node.lower_value
            if name not in allowed.at_rules:
                names = ", ".join(f"@{name}" for name in sorted(allowed.at_rules))
                raise _css(node, f"CSS may not use @{name}", f"allowed: {names or 'none'}")
        case "url":
            _check_url(node, allowed)
        case "function":
            name = _VENDOR.sub("", node.lower_name)
            if name == "url":
                _check_url(node, allowed)
            elif name in _FUNCTIONS:
                raise _css(node, f"CSS may not use {node.name}()")
        case "declaration" | "ident":
            name = node.lower_name if node.type == "declaration" else node.lower_value
            if name in _PROPERTIES:
                raise _css(node, f"CSS may not use {name}")
        case "error":
            raise _css(node, f"CSS does not parse: {node.message}")


def url_of(node: Any) -> str:
    """What a ``url`` token or a ``url()`` function names."""
    if node.type == "url":
        return str(node.value).strip()
    return "".join(part.value for part in node.arguments if part.type in ("string", "url")).strip()


def _check_url(node: Any, allowed: Allowed) -> None:
    if not allowed.url(url_of(node)):
        raise _css(node, "CSS may not load from elsewhere with url()", allowed.hint)


def _css(node: Any, message: str, hint: str = "") -> Exception:
    return invalid(f"{message} (line {node.source_line} of the CSS)", hint)


def walk(nodes: Iterable[Any]) -> Iterator[Any]:
    """Every rule, declaration and value; with a stack, so nesting does not recurse."""
    stack = [(node, 1) for node in nodes]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise _css(node, f"CSS has more than {MAX_DEPTH} brackets in each other", "remove some")
        yield node
        for children in ("prelude", "content", "arguments"):
            stack.extend((child, depth + 1) for child in getattr(node, children, None) or ())
        if node.type == "declaration":
            stack.extend((child, depth + 1) for child in node.value)
