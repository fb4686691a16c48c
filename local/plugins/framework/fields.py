"""The table of a resource type's properties, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.plugins.framework.values import UNKNOWN, Asset, has_unknowns


@dataclass(frozen=True)
class Field:
    """One property, in Pulumi's camelCase, as the official plugin's schema declares it."""

    type: type = str
    """``str``, ``int``, ``float``, ``bool``, ``list``, ``dict`` or ``Asset``."""
    required: bool = False
    default: Any = None
    """Applied to the inputs where the program says nothing."""
    computed: bool = False
    """Also filled in by the provider: where the program says nothing, the recorded value stays."""
    output: bool = False
    """Never an input."""
    replaces: bool = False
    """A change replaces the resource."""
    secret: bool = False
    unordered: bool = False
    """A list that is a set: order and repetition mean nothing."""
    autoname: bool = False
    """Where the program gives none, the name is the resource's name and seven hexadecimal digits."""
    choices: tuple[str, ...] = ()
    minimum: int | None = None

    @property
    def known_later(self) -> bool:
        """Whether the value of this field, unless given, is known only after the apply."""
        return self.output or self.computed

    def coerce(self, value: Any) -> Any:
        """The value in this field's type; raises ValueError saying what is wrong."""
        if value is None or has_unknowns(value):
            return value
        if self.type is str and isinstance(value, (bool, int, float)):
            value = json.dumps(value)
        elif self.type not in (str, Asset) and isinstance(value, str):
            value = _parsed(value)
        wanted = (int, float) if self.type is float else (str, Asset) if self.type is Asset else self.type
        if not isinstance(value, wanted) or (isinstance(value, bool) and self.type is not bool):
            raise ValueError(f"expected {self.type.__name__}, got {type(value).__name__}")
        if self.choices and value not in self.choices:
            raise ValueError(f"expected one of {', '.join(self.choices)}, got {value!r}")
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"expected at least {self.minimum}, got {value}")
        return value

    def same(self, old: Any, new: Any) -> bool:
        """Whether the two mean the same; absent and the type's zero do."""
        if is_zero(old) and is_zero(new):
            return True
        if self.unordered and isinstance(old, list) and isinstance(new, list):
            return sorted(map(_key, old)) == sorted(map(_key, new))
        return bool(_bare(old) == _bare(new))


def is_zero(value: Any) -> bool:
    """Whether Terraform's SDK could not tell this value from an absent one."""
    return value is None or (value is not UNKNOWN and not isinstance(value, Asset) and not value)


def merged(fields: Mapping[str, Field], state: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs, with the recorded values of computed fields that no input sets: what a resource is to become."""
    kept = {name: state[name] for name, field in fields.items() if field.known_later and name in state}
    return kept | {name: value for name, value in inputs.items() if name in fields and value is not None}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _key(value: Any) -> str:
    return repr(value) if has_unknowns(value) else json.dumps(_bare(value), sort_keys=True, default=str)


def _bare(value: Any) -> Any:
    """The value without what the engine's bookkeeping adds and without absent parts, which mean the same as their being left out."""
    if isinstance(value, Mapping):
        return {name: _bare(item) for name, item in value.items() if not name.startswith("__") and not is_zero(item)}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return value
