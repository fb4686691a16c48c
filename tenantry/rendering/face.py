"""How an application looks for a tenant, as the documents that say so: JSON, CSS, a web application's manifest, design tokens, an icon.

Whatever a value says, nothing of it leaves the string, the property or the rule that it stands in: each is checked here again, whoever
wrote the row, and one that does not pass is answered by the built-in value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic_core import PydanticCustomError

from tenantry.declaration import TenantDeclaration
from tenantry.declaration.assets import ALLOWED, is_asset_path, is_uploaded
from tenantry.declaration.branding import css
from tenantry.declaration.css import MAX_CHARACTERS, check_css
from tenantry.declaration.keys import COLOURS, FONT
from tenantry.hosts import check_link

KEYS: Final = (
    "branding.app_name", "branding.logo", "branding.favicon", "features.custom_css", "theme.font", "theme.css", "legal.terms",
    "legal.privacy", *(f"theme.{name}" for name in COLOURS),
)  # fmt: skip
"""The configuration keys that a face is made of."""

PICTURES: Final = "/runtime/pictures/"
"""Where pictures are served, each by its name."""

TOKENS_SCHEMA: Final = "https://www.designtokens.org/schemas/2025.10/format.json"
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_FONT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _-]{0,62}[A-Za-z0-9])?", re.ASCII)
_NAME_LENGTH: Final = 200
_check_css: Final[Callable[[str], str]] = getattr(check_css, "__wrapped__", check_css)  # its cache would hold each tenant's CSS once more
_ESCAPED: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&'"}


@dataclass(frozen=True, slots=True)
class Face:
    """A tenant's names, colours (``#rrggbb``), font, checked CSS, legal links and its pictures, by the names that they are served under
    (``logo.svg``, or the digest of one that was uploaded)."""

    id: str
    slug: str
    name: str
    app_name: str
    colours: Mapping[str, str]
    font: str
    css: str
    terms: str | None
    privacy: str | None
    logo: str | None
    favicon: str | None

    @classmethod
    def of(cls, id: str, slug: str, name: str, settings: Mapping[str, Any]) -> Face:
        """The face of a tenant whose configuration is ``settings``: ``KEYS`` → value."""

        def text(key: str) -> str:
            value = settings.get(key)
            return value if isinstance(value, str) else ""

        def colour(name: str) -> str:
            value = text(f"theme.{name}").lower()
            return value if _COLOUR.fullmatch(value) else COLOURS[name]

        return cls(
            id,
            slug,
            name,
            text("branding.app_name")[:_NAME_LENGTH] or name,
            {name: colour(name) for name in COLOURS},
            text("theme.font") if _FONT.fullmatch(text("theme.font")) else FONT,
            _passed(_check_css, text("theme.css")) if settings.get("features.custom_css", True) is not False else "",
            _passed(check_link, text("legal.terms")) or None,
            _passed(check_link, text("legal.privacy")) or None,
            _name("logo", text("branding.logo")),
            _name("favicon", text("branding.favicon")),
        )

    @classmethod
    def declared(cls, tenant: TenantDeclaration) -> Face:
        """The face that a tenant's file says."""
        settings: dict[str, Any] = {f"theme.{name}": value for name, value in tenant.theme.model_dump().items()}
        settings |= {f"branding.{name}": getattr(tenant.branding, name) for name in ("app_name", "logo", "favicon")}
        settings |= {"legal.terms": tenant.legal.terms, "legal.privacy": tenant.legal.privacy}
        settings["features.custom_css"] = tenant.features.get("custom_css", True)
        return cls.of(str(tenant.id), tenant.slug, tenant.name, settings)

    def stylesheet(self) -> str:
        """CSS variables, then the tenant's own rules."""
        return css(self.colours, self.font, self.css)

    def tenant(self, state: str, host: str) -> str:
        """JSON: whose a host is. ``host``: the tenant's own under the platform's domain."""
        content = {"id": self.id, "slug": self.slug, "name": self.name, "app_name": self.app_name, "state": state, "host": host}
        return _json(content)

    def branding(self) -> str:
        """JSON: names, theme, legal links, and where the other documents are."""
        return _json(
            {
                "tenant": {"id": self.id, "slug": self.slug, "name": self.name},
                "app_name": self.app_name,
                "theme": {**self.colours, "font": self.font},
                "stylesheet": "/runtime/theme.css",
                "manifest": "/runtime/manifest.webmanifest",
                "logo": f"{PICTURES}{self.logo}" if self.logo else None,
                "favicon": f"{PICTURES}{self.favicon}" if self.favicon else "/runtime/favicon.ico",
                "legal": {"terms": self.terms, "privacy": self.privacy},
            }
        )

    def manifest(self, icon: str, type: str) -> str:
        """A web application's manifest (https://www.w3.org/TR/appmanifest/) with one icon."""
        return _json(
            {
                "name": self.app_name,
                "short_name": self.app_name[:12].rstrip(),
                "start_url": "/",
                "display": "standalone",
                "theme_color": self.colours["primary"],
                "background_color": self.colours["background"],
                "icons": [{"src": icon, "sizes": "any", "type": type}],
            }
        )

    def tokens(self) -> str:
        """Design tokens, format 2025.10 of the Design Tokens Community Group."""
        colours = {name: {"$value": _srgb(value)} for name, value in self.colours.items()}
        content = {
            "$schema": TOKENS_SCHEMA,
            "color": {"$type": "color", **colours},
            "font": {"family": {"$type": "fontFamily", "$value": [self.font, "sans-serif"]}},
        }
        return json.dumps(content, indent=2, ensure_ascii=True).translate(_ESCAPED) + "\n"

    def icon(self) -> str:
        """SVG: a plain round one in the primary colour, for a tenant that has declared none."""
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
            f'<circle cx="16" cy="16" r="16" fill="{self.colours["primary"]}"/></svg>\n'
        )


def _json(content: Any) -> str:
    """ASCII, and without what could end a ``script`` element or an attribute that it is put into."""
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).translate(_ESCAPED) + "\n"


def _passed(check: Callable[[str], str], text: str) -> str:
    """The text where it passes, else ''."""
    if not text or len(text) > MAX_CHARACTERS:
        return ""
    try:
        return check(text)
    except (PydanticCustomError, ValueError, RecursionError):
        return ""


def _name(use: str, path: str) -> str | None:
    ending = PurePosixPath(path).suffix.lower().removeprefix(".")
    if ending not in ALLOWED[use]:
        return None
    return PurePosixPath(path).name if is_uploaded(path) else f"{use}.{ending}" if is_asset_path(path) else None


def _srgb(colour: str) -> dict[str, Any]:
    components = [round(int(colour[at : at + 2], 16) / 255, 4) for at in (1, 3, 5)]
    return {"colorSpace": "srgb", "components": components, "hex": colour}
