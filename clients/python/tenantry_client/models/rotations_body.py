from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="RotationsBody")


@_attrs_define
class RotationsBody:
    """Which passwords are renewed: the oldest first, and none that was renewed a moment ago.

    Attributes:
        older_than_days (int | None | Unset): Only those as old as that
        most (int | Unset): No more than so many Default: 50.
    """

    older_than_days: int | None | Unset = UNSET
    most: int | Unset = 50

    def to_dict(self) -> dict[str, Any]:
        older_than_days: int | None | Unset
        if isinstance(self.older_than_days, Unset):
            older_than_days = UNSET
        else:
            older_than_days = self.older_than_days

        most = self.most

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if older_than_days is not UNSET:
            field_dict["older_than_days"] = older_than_days
        if most is not UNSET:
            field_dict["most"] = most

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_older_than_days(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        older_than_days = _parse_older_than_days(d.pop("older_than_days", UNSET))

        most = d.pop("most", UNSET)

        rotations_body = cls(
            older_than_days=older_than_days,
            most=most,
        )

        return rotations_body
