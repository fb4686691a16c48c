from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewRestore")


@_attrs_define
class NewRestore:
    """Which backup is put where.

    Attributes:
        backup (str): The backup's id, or `newest`
        into (None | str | Unset): Not in place: into this new tenant, which `beside` has made
    """

    backup: str
    into: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        backup = self.backup

        into: None | str | Unset
        if isinstance(self.into, Unset):
            into = UNSET
        else:
            into = self.into

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "backup": backup,
            }
        )
        if into is not UNSET:
            field_dict["into"] = into

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        backup = d.pop("backup")

        def _parse_into(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        into = _parse_into(d.pop("into", UNSET))

        new_restore = cls(
            backup=backup,
            into=into,
        )

        return new_restore
