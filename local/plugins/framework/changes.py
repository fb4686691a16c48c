"""What the fields say about inputs and states: checked inputs, differences, previews, inputs that a state amounts to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from local.plugins.framework.fields import Field, is_zero
from local.plugins.framework.resource import Props, ResourceType
from local.plugins.framework.values import UNKNOWN, has_unknowns

DEFAULTS = "__defaults"
"""The input in which Pulumi's Terraform bridge records which inputs it filled in by itself."""

Failures = list[tuple[str, str]]


def checked(resource: ResourceType, name: str, olds: Props, news: Props, seed: bytes) -> tuple[Props, Failures]:
    """The inputs with defaults and automatic names, and what is wrong with them as (property, reason)."""
    failures: Failures = []
    inputs: Props = {}
    for key, value in news.items():
        spec = resource.fields.get(key)
        if key.startswith("__") or value is None:
            continue
        if spec is None or spec.output:
            failures.append((key, f"{resource.token} has no input {key!r}; it has {', '.join(settable(resource.fields))}"))
            continue
        try:
            inputs[key] = spec.coerce(value)
        except ValueError as error:
            failures.append((key, str(error)))
    filled = _defaults(resource, name, olds, inputs, seed)
    wrong = {key for key, _ in failures}
    failures += [
        (key, f'Missing required argument. The argument "{key}" is required, but no definition was found.')
        for key, spec in resource.fields.items()
        if spec.required and key not in inputs and key not in filled and key not in wrong
    ]
    inputs |= filled
    failures += resource.check(inputs, olds)
    inputs[DEFAULTS] = sorted(filled)
    return inputs, failures


def differences(resource: ResourceType, state: Props, news: Props, ignored: Collection[str]) -> dict[str, tuple[str, bool]]:
    """Each changed property as (``add``, ``update`` or ``delete``; whether that replaces)."""
    changed: dict[str, tuple[str, bool]] = {}
    wanted = known(resource, news)
    for key, spec in resource.fields.items():
        old, new = state.get(key), wanted.get(key)
        if spec.output or key in ignored or (new is None and spec.computed):
            continue
        if (has_unknowns(new) and new is not old) or not resource.same(key, old, new):
            kind = "add" if old is None else "delete" if new is None else "update"
            changed[key] = (kind, spec.replaces)
    return changed


def keeps_name(resource: ResourceType, state: Props, news: Props) -> bool:
    """Whether the replacement would carry the same, chosen name: then the old one has to go first."""
    return any(
        spec.autoname and key not in news.get(DEFAULTS, []) and state.get(key) == news.get(key) for key, spec in resource.fields.items()
    )


def previewed(resource: ResourceType, state: Props, news: Props) -> Props:
    """What the resource will be, as far as it is known: a created one's state is empty."""
    later = {key: state.get(key, UNKNOWN) for key, spec in resource.fields.items() if spec.known_later}
    return {"id": state.get("id", UNKNOWN)} | later | known(resource, news)


def known(resource: ResourceType, inputs: Mapping[str, Any]) -> Props:
    """The inputs proper: no bookkeeping, nothing absent, and the defaults that mean no more than absence (False, 0)."""
    zeros = {key: spec.default for key, spec in resource.fields.items() if spec.default is not None and is_zero(spec.default)}
    return zeros | {key: value for key, value in inputs.items() if key in resource.fields and value is not None}


def inputs_of(resource: ResourceType, state: Props, inputs: Props) -> Props:
    """The inputs that a program would have to give for this state: those it gave, brought up to date; on import, all that matter."""
    if inputs:
        drifted = {
            key: state[key]
            for key, value in inputs.items()
            if key in state and key in resource.fields and not resource.same(key, state[key], value)
        }
        return inputs | drifted | {DEFAULTS: [key for key in inputs.get(DEFAULTS, []) if key not in drifted]}
    found = {
        key: state[key]
        for key, spec in resource.fields.items()
        if not spec.output and key in state and not is_zero(state[key]) and state[key] != spec.default
    }
    return found | {DEFAULTS: []}


def settable(fields: Mapping[str, Field]) -> list[str]:
    """The names a program may use."""
    return [key for key, spec in fields.items() if not spec.output]


def _defaults(resource: ResourceType, name: str, olds: Props, inputs: Props, seed: bytes) -> Props:
    filled: Props = {}
    for key, spec in resource.fields.items():
        if key in inputs:
            continue
        if spec.autoname:
            kept = key in olds and key in olds.get(DEFAULTS, [])
            filled[key] = olds[key] if kept else f"{name}-{seed.hex()[:7] or '0000000'}"
        elif not is_zero(spec.default):
            filled[key] = spec.default
    return filled
