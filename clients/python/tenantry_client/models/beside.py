from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="Beside")


@_attrs_define
class Beside:
    """As which new tenant a backup comes back.

    Attributes:
        backup (str):
        into (str):
    """

    backup: str
    into: str

    def to_dict(self) -> dict[str, Any]:
        backup = self.backup

        into = self.into

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "backup": backup,
                "into": into,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        backup = d.pop("backup")

        into = d.pop("into")

        beside = cls(
            backup=backup,
            into=into,
        )

        return beside
