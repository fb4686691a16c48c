from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.accepted_role import AcceptedRole, check_accepted_role

if TYPE_CHECKING:
    from ..models.accepted_settings import AcceptedSettings


T = TypeVar("T", bound="Accepted")


@_attrs_define
class Accepted:
    """A user who has come in.

    Attributes:
        user_id (UUID):
        tenant_id (UUID):
        slug (str):
        role (AcceptedRole):
        redirect (str):
        settings (AcceptedSettings):
        again (bool):
    """

    user_id: UUID
    tenant_id: UUID
    slug: str
    role: AcceptedRole
    redirect: str
    settings: AcceptedSettings
    again: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        user_id = str(self.user_id)

        tenant_id = str(self.tenant_id)

        slug = self.slug

        role: str = self.role

        redirect = self.redirect

        settings = self.settings.to_dict()

        again = self.again

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "user_id": user_id,
                "tenant_id": tenant_id,
                "slug": slug,
                "role": role,
                "redirect": redirect,
                "settings": settings,
                "again": again,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.accepted_settings import AcceptedSettings

        d = dict(src_dict)
        user_id = UUID(d.pop("user_id"))

        tenant_id = UUID(d.pop("tenant_id"))

        slug = d.pop("slug")

        role = check_accepted_role(d.pop("role"))

        redirect = d.pop("redirect")

        settings = AcceptedSettings.from_dict(d.pop("settings"))

        again = d.pop("again")

        accepted = cls(
            user_id=user_id,
            tenant_id=tenant_id,
            slug=slug,
            role=role,
            redirect=redirect,
            settings=settings,
            again=again,
        )

        accepted.additional_properties = d
        return accepted

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
