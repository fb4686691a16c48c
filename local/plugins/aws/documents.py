"""Policy documents: JSON text, of which only the meaning counts."""

import json
from typing import Any, ClassVar

from local.plugins.framework import Props, ResourceType


def same(old: Any, new: Any) -> bool:
    """Whether two documents say the same, whatever their spacing, key order and single values in or without a list."""
    try:
        return bool(_normal(json.loads(old)) == _normal(json.loads(new)))
    except (TypeError, ValueError):
        return bool(old == new)


def problem(document: Any) -> str | None:
    """What is wrong with a document's syntax."""
    if not isinstance(document, str):
        return None
    try:
        json.loads(document)
    except ValueError as error:
        return f"contains an invalid JSON policy: {error}"
    return None


def _normal(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _normal(item, key) for key, item in value.items()}
    if isinstance(value, list):
        items = [_normal(item) for item in value]
        if len(items) == 1:
            return items[0]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return value


class WithDocument(ResourceType):
    """A type with a policy document among its fields."""

    document: ClassVar[str] = "policy"

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        wrong = problem(inputs.get(self.document))
        return [(self.document, wrong)] if wrong else []

    def same(self, name: str, old: Any, new: Any) -> bool:
        return same(old, new) if name == self.document else super().same(name, old, new)
