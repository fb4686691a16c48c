from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="NewValue")


@_attrs_define
class NewValue:
    """A value.

    Attributes:
        value (bool | int | str):
    """

    value: bool | int | str

    def to_dict(self) -> dict[str, Any]:
        value: bool | int | str
        value = self.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "value": value,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_value(data: object) -> bool | int | str:
            return cast(bool | int | str, data)

        value = _parse_value(d.pop("value"))

        new_value = cls(
            value=value,
        )

        return new_value
