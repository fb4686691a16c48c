from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.undelete_body_to_type_0 import (
    UndeleteBodyToType0,
    check_undelete_body_to_type_0,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="UndeleteBody")


@_attrs_define
class UndeleteBody:
    """Where a tenant is brought back to.

    Attributes:
        to (None | UndeleteBodyToType0 | Unset): Else what it was before
    """

    to: None | UndeleteBodyToType0 | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        to: None | str | Unset
        if isinstance(self.to, Unset):
            to = UNSET
        elif isinstance(self.to, str):
            to = self.to
        else:
            to = self.to

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if to is not UNSET:
            field_dict["to"] = to

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_to(data: object) -> None | UndeleteBodyToType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                to_type_0 = check_undelete_body_to_type_0(data)

                return to_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UndeleteBodyToType0 | Unset, data)

        to = _parse_to(d.pop("to", UNSET))

        undelete_body = cls(
            to=to,
        )

        return undelete_body
