"""Colours, font and CSS of a tenant."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from tenantry.declaration.css import MAX_CHARACTERS, check_css
from tenantry.declaration.keys import COLOURS, FONT
from tenantry.problems import invalid, shown

_COLOUR: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)
_FONT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _-]{0,62}[A-Za-z0-9])?", re.ASCII)


def _colour(text: str) -> str:
    if not _COLOUR.fullmatch(text):
        raise invalid(f"{shown(text)} is not a colour", 'write "#rgb" or "#rrggbb", in quotes')
    digits = text[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))


def _font(text: str) -> str:
    if not _FONT.fullmatch(text):
        raise invalid(f"{shown(text)} is not a font's name", "letters, digits, spaces and hyphens; one family, without quotes")
    return text


Colour = Annotated[str, AfterValidator(_colour)]
"""``#rgb`` or ``#rrggbb``; kept as lower-case ``#rrggbb``."""

Font = Annotated[str, AfterValidator(_font)]
"""The name of one font family, 1 to 64 characters, safe inside and outside CSS quotes."""

Css = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS), AfterValidator(check_css)]


class Theme(BaseModel):
    """How the application looks for a tenant."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    primary: Colour = Field(default=COLOURS["primary"], description="Buttons and links: `#rgb` or `#rrggbb`, in quotes")
    secondary: Colour = Field(default=COLOURS["secondary"], description="Quiet elements: `#rgb` or `#rrggbb`, in quotes")
    accent: Colour = Field(default=COLOURS["accent"], description="What should be noticed: `#rgb` or `#rrggbb`, in quotes")
    background: Colour = Field(default=COLOURS["background"], description="Behind everything: `#rgb` or `#rrggbb`, in quotes")
    text: Colour = Field(default=COLOURS["text"], description="Text on the background: `#rgb` or `#rrggbb`, in quotes")
    font: Font = Field(default=FONT, description="One font family's name")
    css: Css = Field(default="", description="CSS after the theme's own, at most 64 KiB; it cannot load or run anything")
