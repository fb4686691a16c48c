from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Rotation")


@_attrs_define
class Rotation:
    """How the secret before the new one ends.

    Attributes:
        at_once (bool | Unset): It signs no more; else for a day beside the new one Default: False.
    """

    at_once: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        at_once = self.at_once

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if at_once is not UNSET:
            field_dict["at_once"] = at_once

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at_once = d.pop("at_once", UNSET)

        rotation = cls(
            at_once=at_once,
        )

        return rotation
