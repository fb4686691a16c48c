from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.user_entry_role import UserEntryRole, check_user_entry_role

T = TypeVar("T", bound="UserEntry")


@_attrs_define
class UserEntry:
    """One user of a tenant.

    Attributes:
        id (UUID):
        email (str):
        name (str):
        role (UserEntryRole):
        created_at (datetime.datetime):
    """

    id: UUID
    email: str
    name: str
    role: UserEntryRole
    created_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        email = self.email

        name = self.name

        role: str = self.role

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "email": email,
                "name": name,
                "role": role,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        email = d.pop("email")

        name = d.pop("name")

        role = check_user_entry_role(d.pop("role"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        user_entry = cls(
            id=id,
            email=email,
            name=name,
            role=role,
            created_at=created_at,
        )

        user_entry.additional_properties = d
        return user_entry

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
