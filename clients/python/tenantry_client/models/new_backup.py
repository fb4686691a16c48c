from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewBackup")


@_attrs_define
class NewBackup:
    """Why a backup is taken.

    Attributes:
        reason (str | Unset):  Default: 'asked for by the service'.
    """

    reason: str | Unset = "asked for by the service"

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        reason = d.pop("reason", UNSET)

        new_backup = cls(
            reason=reason,
        )

        return new_backup
