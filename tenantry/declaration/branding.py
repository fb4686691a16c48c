"""What a tenant's branding looks like to an application: a manifest (JSON) and a style sheet (CSS variables and the tenant's CSS)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from tenantry.declaration import TenantDeclaration
from tenantry.declaration.assets import is_uploaded
from tenantry.declaration.keys import COLOURS

ASSETS = ("logo", "favicon")

FOLDER: Final = "branding/"
"""Where in a tenant's prefix the objects are that its declaration makes."""

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "x-content-type-options": "nosniff",
}
"""What a branding object is to be served with. S3 answers no such headers by itself: each object has them as its metadata
(``x-amz-meta-content-security-policy``), for whatever stands between the bucket and a browser to make headers of."""


def asset_key(prefix: str, kind: str, path: str) -> str:
    """The object key of a picture: ``tenants/acme/branding/logo.svg`` for ``assets/acme/whatever.svg``, and for one that was uploaded
    ``tenants/acme/branding/uploads/<digest>.svg``."""
    return f"{prefix}{FOLDER}{path if is_uploaded(path) else f'{kind}{PurePosixPath(path).suffix.lower()}'}"


def assets(declaration: TenantDeclaration) -> dict[str, str]:
    """The declared assets: kind (``logo``, ``favicon``) → path relative to the tenants folder."""
    found = {kind: getattr(declaration.branding, kind) for kind in ASSETS}
    return {kind: path for kind, path in found.items() if path}


def manifest(declaration: TenantDeclaration, prefix: str) -> str:
    """JSON: names, object keys of the assets and the headers to serve them with, theme, features and legal links.

    The same text for the same declaration.
    """
    theme = declaration.theme
    content: dict[str, Any] = {
        "tenant": {"id": str(declaration.id), "slug": declaration.slug, "name": declaration.name},
        "app_name": declaration.branding.app_name,
        "assets": {kind: asset_key(prefix, kind, path) for kind, path in assets(declaration).items()},
        "stylesheet": f"{prefix}{FOLDER}theme.css",
        "theme": {**{name: getattr(theme, name) for name in COLOURS}, "font": theme.font},
        "features": dict(declaration.features),
        "headers": HEADERS,
        "legal": {"terms": declaration.legal.terms, "privacy": declaration.legal.privacy},
    }
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def stylesheet(declaration: TenantDeclaration) -> str:
    """CSS: the theme as custom properties on ``:root``, then the tenant's own rules where the feature ``custom_css`` is on."""
    theme = declaration.theme
    colours = {name: getattr(theme, name) for name in COLOURS}
    return css(colours, theme.font, theme.css if declaration.features.get("custom_css", True) else "")


def css(colours: Mapping[str, str], font: str, more: str) -> str:
    """CSS: colours and a font's name, which were checked, as custom properties on ``:root``, then ``more``."""
    lines = [
        ":root {",
        *(f"  --color-{name}: {colours[name]};" for name in COLOURS),
        f'  --font-family: "{font}", sans-serif;',
        "}",
    ]
    if more:
        lines.append(more.strip())
    return "\n".join(lines) + "\n"
