"""Tier defaults and how a tenant's file is laid over them: mappings merge key by key, everything else is replaced, null takes away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tenantry.declaration.keys import TEMPLATES
from tenantry.text import hidden_character

REQUIRED: Final = ("name", "tier", "admin")
"""What only a tenant's file can say."""

FILE_ONLY: Final = frozenset({"name", "tier", "admin", "domains", "sign_in", "state", "cell"})
"""What a tier must not say: it would name one tenant, or move or stop all of them."""


def overlay(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """``defaults`` with ``given`` laid over them. Neither is changed; what is not merged is shared, not copied.

    A null takes away what the defaults give; where they give nothing it stays, to be judged as any other value.
    """
    merged = dict(defaults)
    for key, value in given.items():
        if value is None and key in defaults:
            del merged[key]
            continue
        below = merged.get(key)
        merged[key] = overlay(below, value) if value.__class__ is dict and below.__class__ is dict else value
    return merged


def effective(slug: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The input of ``TenantDeclaration`` for a file's content. A ``slug`` key of the file stays visible as an error."""
    merged = overlay(defaults, given)
    # A section that is merely empty (`features:` and nothing below) was forgotten, and is no wish to lose all of the tier's.
    merged |= {key: None for key, value in given.items() if value is None and defaults.get(key).__class__ is dict}
    branding = merged.get("branding")
    if branding is None and "branding" not in merged:
        merged["branding"] = {"app_name": _app_name(merged)}
    elif branding.__class__ is dict and "app_name" not in branding:
        merged["branding"] = {**branding, "app_name": _app_name(merged)}
    templates = merged.get("email_templates")
    if templates.__class__ is dict:
        merged["email_templates"] = {key: _whole_template(key, template) for key, template in templates.items()}
    merged["slug"] = slug
    return merged


def _whole_template(key: str, template: Any) -> Any:
    """A template with the built-in subject or body where only the other one is written."""
    known = TEMPLATES.get(key)
    if known is None or template.__class__ is not dict:
        return template
    return {"subject": known.subject, "body": known.body, **template}


def _app_name(merged: Mapping[str, Any]) -> Any:
    """The tenant's name, shortened to an application's; a placeholder where the name itself is wrong and will be reported."""
    name = merged.get("name")
    if not isinstance(name, str) or hidden_character(name):
        return "-"
    return name[:60].strip() or "-"
