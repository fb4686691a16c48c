from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.session_body_role import SessionBodyRole, check_session_body_role
from ..models.session_body_way import SessionBodyWay, check_session_body_way

T = TypeVar("T", bound="SessionBody")


@_attrs_define
class SessionBody:
    """Somebody who is signed in.

    Attributes:
        person (UUID):
        email (str):
        role (SessionBodyRole):
        tenant (None | str):
        scopes (list[str]):
        csrf (str): What a page sends as X-CSRF-Token with whatever changes something
        way (SessionBodyWay):
        signed_in_at (datetime.datetime):
        idle_until (datetime.datetime):
        expires_at (datetime.datetime):
    """

    person: UUID
    email: str
    role: SessionBodyRole
    tenant: None | str
    scopes: list[str]
    csrf: str
    way: SessionBodyWay
    signed_in_at: datetime.datetime
    idle_until: datetime.datetime
    expires_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        person = str(self.person)

        email = self.email

        role: str = self.role

        tenant: None | str
        tenant = self.tenant

        scopes = self.scopes

        csrf = self.csrf

        way: str = self.way

        signed_in_at = self.signed_in_at.isoformat()

        idle_until = self.idle_until.isoformat()

        expires_at = self.expires_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "person": person,
                "email": email,
                "role": role,
                "tenant": tenant,
                "scopes": scopes,
                "csrf": csrf,
                "way": way,
                "signed_in_at": signed_in_at,
                "idle_until": idle_until,
                "expires_at": expires_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        person = UUID(d.pop("person"))

        email = d.pop("email")

        role = check_session_body_role(d.pop("role"))

        def _parse_tenant(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        tenant = _parse_tenant(d.pop("tenant"))

        scopes = cast(list[str], d.pop("scopes"))

        csrf = d.pop("csrf")

        way = check_session_body_way(d.pop("way"))

        signed_in_at = datetime.datetime.fromisoformat(d.pop("signed_in_at"))

        idle_until = datetime.datetime.fromisoformat(d.pop("idle_until"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        session_body = cls(
            person=person,
            email=email,
            role=role,
            tenant=tenant,
            scopes=scopes,
            csrf=csrf,
            way=way,
            signed_in_at=signed_in_at,
            idle_until=idle_until,
            expires_at=expires_at,
        )

        session_body.additional_properties = d
        return session_body

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
