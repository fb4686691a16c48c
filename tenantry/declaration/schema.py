"""JSON Schema of a tenant's file, for editors: what the file may say, not what it amounts to with its tier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenantry.declaration.keys import FEATURES, TEMPLATES
from tenantry.declaration.model import TenantDeclaration
from tenantry.declaration.overlay import REQUIRED


def file_schema(tiers: Sequence[str]) -> dict[str, Any]:
    """The schema (draft 2020-12) with the given tiers; closed at every level, only ``REQUIRED`` keys are required."""
    schema = TenantDeclaration.model_json_schema(mode="validation")
    for name, definition in schema["$defs"].items():
        if name != "Admin":
            definition.pop("required", None)
    properties = schema["properties"]
    del properties["slug"]
    properties["tier"] = {**properties["tier"], "enum": list(tiers)}
    properties["tier"].pop("pattern", None)
    properties["features"] = _closed(
        properties["features"], {key: {"type": "boolean", "description": f.meaning} for key, f in FEATURES.items()}
    )
    template = properties["email_templates"]["additionalProperties"]
    properties["email_templates"] = _closed(
        properties["email_templates"], {key: {**template, "description": known.meaning} for key, known in TEMPLATES.items()}
    )
    _let_take_away(schema)
    schema["required"] = list(REQUIRED)
    schema["title"] = "Tenant"
    schema["description"] = "A tenant of the platform: tenants/<slug>.yaml"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _let_take_away(schema: dict[str, Any]) -> None:
    """What a tier may say, a tenant's file may take away again with null."""
    mappings = [definition for name, definition in schema["$defs"].items() if name != "Admin"]
    mappings += [schema["properties"][name] for name in ("features", "email_templates")]
    for mapping in mappings:
        mapping["properties"] = {name: _or_null(value) for name, value in mapping["properties"].items()}
    labels = schema["properties"]["labels"]["patternProperties"]
    labels |= {pattern: _or_null(value) for pattern, value in labels.items()}
    schema["properties"]["isolation"] = _or_null(schema["properties"]["isolation"])


def _or_null(value: dict[str, Any]) -> dict[str, Any]:
    if isinstance(value.get("type"), str):
        return {**value, "type": [value["type"], "null"], **({"enum": [*value["enum"], None]} if "enum" in value else {})}
    if "anyOf" in value:
        return value if {"type": "null"} in value["anyOf"] else {**value, "anyOf": [*value["anyOf"], {"type": "null"}]}
    said: dict[str, Any] = {key: value[key] for key in ("description", "title") if key in value}
    return {"anyOf": [{key: inner for key, inner in value.items() if key not in said}, {"type": "null"}], **said}


def _closed(mapping: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {**mapping, "additionalProperties": False, "properties": properties}
