"""Text of others in a place where people read it: what would steer a terminal, break a line or hide is shown as its code."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from tenantry.errors import InputError

HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, format (bidirectional marks, zero width, tags), half of a surrogate pair, line and paragraph separators."""

# Every character of those categories lies in one of these ranges; most texts have none, and are looked at no further.
_SUSPECTS: Final = re.compile("[^\x20-\x7e\xa1-\xac\xae-\u05ff]")


def escaped(text: str, keep: str = "") -> str:
    """The text on one line: a hidden character becomes its code, as in ``\\x1b`` and ``\\u202e``. Those in ``keep`` stay."""
    return _SUSPECTS.sub(lambda found: found[0] if found[0] in keep else _code(found[0]), text)


def escaped_json(text: str) -> str:
    """A JSON document with the hidden characters of its strings in JSON's own spelling; it means the same."""
    return _SUSPECTS.sub(lambda found: found[0] if found[0] == "\n" else _json_code(found[0]), text)


def journalled(text: str | None) -> str | None:
    """A cause or a result as a journal keeps it: one line. A foreign server's words may hold what PostgreSQL stores in no text."""
    return None if text is None else escaped(" ".join(text.split()))


def require_line(what: str, text: str, most: int = 200) -> str:
    """The text, where it is one visible line of 1 to ``most`` characters; else ``InputError``."""
    if not text.strip() or len(text) > most or escaped(text) != text:
        raise InputError(
            f"{what} cannot be {escaped(text)[:60]!r}", f"one line of 1 to {most} characters, without control characters and hidden ones"
        )
    return text


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii") if unicodedata.category(character) in HIDDEN else character


def _json_code(character: str) -> str:
    if unicodedata.category(character) not in HIDDEN:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
