from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.user_role_role import UserRoleRole, check_user_role_role

T = TypeVar("T", bound="UserRole")


@_attrs_define
class UserRole:
    """What a user may do.

    Attributes:
        role (UserRoleRole):
    """

    role: UserRoleRole

    def to_dict(self) -> dict[str, Any]:
        role: str = self.role

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "role": role,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        role = check_user_role_role(d.pop("role"))

        user_role = cls(
            role=role,
        )

        return user_role
