from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Undoing")


@_attrs_define
class Undoing:
    """How a change is taken back.

    Attributes:
        skip_changed (bool | Unset): Leave what was changed since as it is Default: False.
    """

    skip_changed: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        skip_changed = self.skip_changed

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if skip_changed is not UNSET:
            field_dict["skip_changed"] = skip_changed

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        skip_changed = d.pop("skip_changed", UNSET)

        undoing = cls(
            skip_changed=skip_changed,
        )

        return undoing
