"""A tenant's own CSS: it may style the page, it may not load, run or leave the style element."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import tinycss2

from tenantry.declaration.problems import invalid
from tenantry.declaration.text import hidden_character

MAX_CHARACTERS: Final = 65_536
# Not @import, @namespace, @font-face, @charset: they load or rename. A later standard's at-rule is refused until somebody looked at it.
AT_RULES: Final = frozenset({"media", "supports", "keyframes", "-webkit-keyframes", "layer", "container", "page"})
_DATA_IMAGES: Final = tuple(f"data:image/{kind};base64," for kind in ("png", "gif", "jpeg", "webp"))
_FUNCTIONS: Final = frozenset({"attr", "cross-fade", "element", "expression", "image", "image-set", "src"})
_VENDOR: Final = re.compile(r"^-[a-z]+-")
_PROPERTIES: Final = frozenset({"behavior", "-ms-behavior", "-moz-binding"})


@lru_cache(maxsize=1024)
def check_css(text: str) -> str:
    """``text`` itself when it is safe to put in a ``style`` element of the application; otherwise a ``PydanticCustomError``.

    Refused: ``@import`` and every at-rule but ``AT_RULES``; ``url()`` except base64 PNG, GIF, JPEG and WebP images;
    ``expression()`` and functions that fetch; ``behavior`` and ``-moz-binding``; ``</``, ``<!``, ``<?`` and ``-->``; what does not parse.
    """
    if not text:
        return text
    if hidden := hidden_character(text, allowed="\n\t\r"):
        raise invalid(f"CSS contains the hidden character {hidden}", "remove it")
    for ending in ("</", "<!", "<?", "-->"):
        if ending in text:
            raise invalid(f"CSS may not contain {ending!r}: it could end the style element", "remove it")

    for node in _walk(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)):
        _check(node)
    return text


def _check(node: Any) -> None:
    match node.type:
        case "at-rule" | "at-keyword":  # the latter inside a block, which the parser leaves as it is
            name = node.lower_at_keyword if node.type == "at-rule" else node.lower_value
            if name not in AT_RULES:
                raise _css(node, f"CSS may not use @{name}", f"allowed: {', '.join(f'@{name}' for name in sorted(AT_RULES))}")
        case "url":
            _check_url(node, node.value)
        case "function":
            name = _VENDOR.sub("", node.lower_name)
            if name == "url":
                _check_url(node, "".join(part.value for part in node.arguments if part.type in ("string", "url")))
            elif name in _FUNCTIONS:
                raise _css(node, f"CSS may not use {node.name}()")
        case "declaration" | "ident":
            name = node.lower_name if node.type == "declaration" else node.lower_value
            if name in _PROPERTIES:
                raise _css(node, f"CSS may not use {name}")
        case "error":
            raise _css(node, f"CSS does not parse: {node.message}")


def _check_url(node: Any, url: str) -> None:
    if not url.strip().lower().startswith(_DATA_IMAGES):
        raise _css(node, "CSS may not load from elsewhere with url()", "use a data:image/png;base64,… value, or the logo")


def _css(node: Any, message: str, hint: str = "") -> Exception:
    return invalid(f"{message} (line {node.source_line} of the CSS)", hint)


def _walk(nodes: Iterable[Any]) -> Iterator[Any]:
    """Every rule, declaration and value, outermost first; with a stack, so nesting does not recurse."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        for children in ("prelude", "content", "arguments"):
            stack.extend(getattr(node, children, None) or ())
        if node.type == "declaration":
            stack.extend(node.value)
