"""A pydantic error in the words of someone who writes declarations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from tenantry.problems import nearest, shown

Place = tuple[str | int, ...]

_TYPES: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What to say, and whether it is about the key at ``place`` or about its value."""

    place: Place
    message: str
    hint: str = ""
    about_key: bool = False


def explain(error: ErrorDetails, root: type[BaseModel]) -> Explanation:
    """Message and hint for one entry of ``ValidationError.errors()`` of ``root``."""
    kind, context = error["type"], error.get("ctx", {})
    about_key = bool(error["loc"]) and error["loc"][-1] == "[key]"
    place: Place = error["loc"][:-1] if about_key else error["loc"]
    what = _name(place[-1]) if place else "the file"
    if kind == "tenantry":
        return Explanation(place, context["message"], context.get("hint", ""), about_key)
    if kind == "missing":
        return Explanation(
            place, f"{'.'.join(_name(step) for step in place)} is missing", "every declaration has it" if len(place) == 1 else ""
        )
    if kind == "extra_forbidden":
        return Explanation(place, f"unknown key {shown(place[-1])}", nearest(str(place[-1]), keys_at(root, place[:-1])), True)
    if kind == "literal_error":
        words = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
        hint = nearest(error["input"], words) if isinstance(error["input"], str) else f"one of: {', '.join(words)}"
        return Explanation(place, f"{what} cannot be {shown(error['input'])}", hint)
    if kind in _TYPES:
        return Explanation(
            place, f"{what} must be {_TYPES[kind]}, not {_described(error['input'])}", _quote_hint(kind, error["input"]), about_key
        )
    if kind in ("greater_than_equal", "less_than_equal"):
        side, bound = ("at least", context["ge"]) if "ge" in context else ("at most", context["le"])
        return Explanation(place, f"{what} must be {side} {bound}, not {shown(error['input'])}")
    if kind == "string_too_short":
        return Explanation(place, f"{what} is empty" if not error["input"] else f"{what} is too short", "")
    if kind == "string_too_long":
        return Explanation(place, f"{what} is longer than {context['max_length']} characters", "", about_key)
    if kind == "too_long":
        return Explanation(place, f"{what} has more than {context['max_length']} entries", "")
    if kind == "string_pattern_mismatch":
        return Explanation(
            place, f"{shown(error['input'])} has characters that are not allowed here", f"allowed: {context['pattern']}", about_key
        )
    return Explanation(place, f"{what}: {error['msg']}", "", about_key)


def keys_at(root: type[BaseModel], place: Place) -> list[str]:
    """The keys that the model at a place knows; none when there is no model there."""
    model: Any = root
    for step in place:
        field = model.model_fields.get(str(step)) if _is_model(model) else None
        if field is not None:
            model = inner_type(field.annotation)
        elif get_origin(model) is dict:
            model = inner_type(get_args(model)[1])
        else:
            return []
    return [name for name in model.model_fields if name != "slug"] if _is_model(model) else []


def _name(step: str | int) -> str:
    if isinstance(step, int):
        return "the entry"
    return step if step.isidentifier() and len(step) <= 40 else shown(step)


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def inner_type(annotation: Any) -> Any:
    """What an annotation is about, without ``Annotated`` and ``| None``."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(argument for argument in get_args(annotation) if argument is not type(None))
    return annotation


def _described(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return shown(value)


def _quote_hint(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off", "y", "n"):
        return f"write {'true' if value.lower() in ('yes', 'on', 'y') else 'false'}"
    if kind == "tuple_type":
        return "write each entry on its own line after `- `"
    return ""
