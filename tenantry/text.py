"""Short texts that people read: no control characters, nothing that reorders or hides what is shown."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from tenantry.problems import invalid

# Cc control, Cf format (bidirectional overrides, zero-width), Co private use, Cs surrogate, Cn unassigned, Zl/Zp line breaks.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


ENCODED_WORD: Final = "=?"
"""How RFC 2047's encoded words begin. What is one is decoded wherever a mail's header is read, line breaks and all."""


def hidden_character(text: str, allowed: str = "") -> str | None:
    """The first character a reader would not see, as ``U+202E (RIGHT-TO-LEFT OVERRIDE)``; none if all can be seen."""
    if text.isascii() and text.isprintable():
        return None
    for character in text:
        if character not in allowed and unicodedata.category(character) in _HIDDEN:
            return f"U+{ord(character):04X} ({unicodedata.name(character, 'control character')})"
    return None


def _line(text: str) -> str:
    if hidden := hidden_character(text):
        raise invalid(f"contains the hidden character {hidden}", "remove it")
    if ENCODED_WORD in text:
        raise invalid(f"contains {ENCODED_WORD}, which e-mail programs take for encoded text", "write a space between the two")
    if text != text.strip():
        raise invalid("begins or ends with a space", "remove it")
    return unicodedata.normalize("NFC", text)


Line = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_line)]
"""One visible line of 1 to 100 characters, NFC."""

AppName = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_line)]
"""One visible line of 1 to 60 characters, NFC."""
