from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.offboard_body_then_type_0 import (
    OffboardBodyThenType0,
    check_offboard_body_then_type_0,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="OffboardBody")


@_attrs_define
class OffboardBody:
    """How a tenant is off-boarded.

    Attributes:
        then (None | OffboardBodyThenType0 | Unset): What follows the hold; else nothing does
        hold_days (int | None | Unset): The platform's hold or a longer one
    """

    then: None | OffboardBodyThenType0 | Unset = UNSET
    hold_days: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        then: None | str | Unset
        if isinstance(self.then, Unset):
            then = UNSET
        elif isinstance(self.then, str):
            then = self.then
        else:
            then = self.then

        hold_days: int | None | Unset
        if isinstance(self.hold_days, Unset):
            hold_days = UNSET
        else:
            hold_days = self.hold_days

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if then is not UNSET:
            field_dict["then"] = then
        if hold_days is not UNSET:
            field_dict["hold_days"] = hold_days

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_then(data: object) -> None | OffboardBodyThenType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                then_type_0 = check_offboard_body_then_type_0(data)

                return then_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | OffboardBodyThenType0 | Unset, data)

        then = _parse_then(d.pop("then", UNSET))

        def _parse_hold_days(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        hold_days = _parse_hold_days(d.pop("hold_days", UNSET))

        offboard_body = cls(
            then=then,
            hold_days=hold_days,
        )

        return offboard_body
