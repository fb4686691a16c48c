"""One configuration value by itself: found by its key, read from text, and checked as the same value in a file would be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import ValidationError

from tenantry.declaration.explain import explain
from tenantry.declaration.keys import CONFIGURATION_KEYS, ConfigurationKey, Editor
from tenantry.declaration.model import TenantDeclaration
from tenantry.declaration.overlay import effective
from tenantry.errors import InputError
from tenantry.problems import nearest

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_TYPES: Final[Mapping[str, str]] = {"boolean": "boolean", "integer": "integer", "hosts": "array"}


def known(key: str) -> ConfigurationKey:
    """What the registry says of a key; ``InputError`` with the nearest one when there is none."""
    if key not in CONFIGURATION_KEYS:
        # A word of the key alone (`primary`) is nearer to its key than the letters tell.
        parts = [name for name in CONFIGURATION_KEYS if key in name.split(".")]
        hint = f"did you mean {parts[0]!r}?" if parts else nearest(key, CONFIGURATION_KEYS)
        raise InputError(
            f"there is no configuration key {key[:60]!r}", hint or "tenantry config keys shows them all", code="configuration.unknown"
        )
    return CONFIGURATION_KEYS[key]


def changeable(key: str, editor: Editor) -> ConfigurationKey:
    """The key, when ``editor`` may change it at runtime, by a value or by uploading one; else ``InputError``."""
    found = known(key)
    if not found.runtime:
        raise InputError(
            f"{key} is set by the declaration only: the platform makes something of it",
            f"edit {key} in the tenant's file, then tenantry up",
        )
    if editor == "tenant_admin" and found.editor == "platform":
        raise InputError(
            f"{key} is the platform's to change, not a tenant administrator's", "tenantry config keys shows who may change what"
        )
    return found


def settable(key: str, editor: Editor) -> ConfigurationKey:
    """The key, when ``editor`` may write a value for it at runtime; else ``InputError``."""
    found = changeable(key, editor)
    if found.uploaded:
        use = key.rpartition(".")[2]
        raise InputError(f"{key} is a picture", f"tenantry branding upload SLUG {use} FILE, or name a file of assets/ in the tenant's file")
    return found


def from_text(key: ConfigurationKey, text: str) -> Any:
    """The checked value that ``text`` stands for: ``true`` or ``false``, a whole number, else the text itself."""
    value: Any = text
    if key.type == "boolean" and text.lower() in ("true", "false"):
        value = text.lower() == "true"
    elif key.type == "integer" and _INTEGER.fullmatch(text):
        value = int(text)
    return check(key, value)


def check(key: ConfigurationKey, value: Any) -> Any:
    """The value in its canonical form; ``InputError`` in the words of the declaration's check when it is wrong."""
    path = tuple(key.key.split("."))
    nested: Any = value
    for step in reversed(path):
        nested = {step: nested}
    given = {"name": "Sample", "tier": "sample", "admin": {"name": "Sample", "email": "admin@sample.example"}, **nested}
    try:
        tenant = TenantDeclaration.model_validate(effective("sample", {}, given))
    except ValidationError as error:
        found = explain(error.errors(include_url=False)[0], TenantDeclaration)
        raise InputError(f"{key.key}: {found.message}", found.hint or _range(key)) from None
    checked = tenant.configuration().get(key.key)
    if checked is None:
        raise InputError(f"{key.key}: a value is missing", f"tenantry config unset takes {key.key} back")
    return checked


def _range(key: ConfigurationKey) -> str:
    if key.type == "integer" and key.minimum is not None:
        return f"a whole number from {key.minimum:,} to {key.maximum:,}"
    return ""


Winner = Literal["runtime", "newer", "declaration"]


def winner(key: ConfigurationKey) -> Winner:
    """What is in force when a value was set at runtime and the file says another (docs/adr/0010).

    ``runtime``: that value, until it is unset. ``newer``: that value, until the file's changes. ``declaration``: there is no such value.
    """
    if not key.runtime:
        return "declaration"
    return "newer" if key.editor == "platform" else "runtime"


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of an object of configuration values by key."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of a tenant",
        "type": "object",
        "additionalProperties": False,
        "properties": {key.key: _schema(key) for key in CONFIGURATION_KEYS.values()},
    }


def _schema(key: ConfigurationKey) -> dict[str, Any]:
    kind = _TYPES.get(key.type, "string")
    low, high = ("minimum", "maximum") if kind == "integer" else ("minLength", "maxLength")
    schema: dict[str, Any] = {"type": kind, "description": key.meaning}
    schema |= {name: bound for name, bound in ((low, key.minimum), (high, key.maximum)) if bound is not None}
    forms: dict[str, dict[str, Any]] = {
        "colour": {"pattern": "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"},
        "url": {"format": "uri", "pattern": "^https://"},
        "hosts": {"items": {"type": "string"}},
    }
    schema |= forms.get(key.type, {})
    if key.default is not None and key.key != "branding.app_name":
        schema["default"] = key.default
    return schema | {"x-type": key.type, "x-editor": key.editor, "x-runtime": key.runtime, "x-wins": winner(key)}
