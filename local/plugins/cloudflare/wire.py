"""Between Pulumi's camelCase properties and the API's snake_case fields."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

IRREGULAR = {"tls13": "tls_1_3"}
REGULAR = {api: name for name, api in IRREGULAR.items()}
FREE_FORM = {"customMetadata", "custom_metadata"}
"""Fields whose keys are the user's own."""


def to_api(properties: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The request's body: the named properties that have a value."""
    return {_snake(name): _renamed(name, properties[name], _snake) for name in names if properties.get(name) is not None}


def from_api(answer: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The named properties of an answer; what it leaves out is None, so that a value that went away is seen to."""
    return {name: _renamed(name, answer.get(_snake(name)), _camel) for name in names}


def _renamed(name: str, value: Any, rename: Any) -> Any:
    if isinstance(value, Mapping):
        return {key if name in FREE_FORM else rename(key): _renamed(key, item, rename) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_renamed(name, item, rename) for item in value]
    return value


def _snake(name: str) -> str:
    return IRREGULAR.get(name) or re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


def _camel(name: str) -> str:
    return REGULAR.get(name) or re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)
