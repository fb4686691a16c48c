from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.open_page_intent import OpenPageIntent, check_open_page_intent

T = TypeVar("T", bound="OpenPage")


@_attrs_define
class OpenPage:
    """What a link has opened.

    Attributes:
        tenant (str):
        name (str):
        intent (OpenPageIntent):
        return_url (None | str):
        scopes (list[str]):
        token (str):
        until (datetime.datetime):
    """

    tenant: str
    name: str
    intent: OpenPageIntent
    return_url: None | str
    scopes: list[str]
    token: str
    until: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        tenant = self.tenant

        name = self.name

        intent: str = self.intent

        return_url: None | str
        return_url = self.return_url

        scopes = self.scopes

        token = self.token

        until = self.until.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "tenant": tenant,
                "name": name,
                "intent": intent,
                "return_url": return_url,
                "scopes": scopes,
                "token": token,
                "until": until,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        tenant = d.pop("tenant")

        name = d.pop("name")

        intent = check_open_page_intent(d.pop("intent"))

        def _parse_return_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        return_url = _parse_return_url(d.pop("return_url"))

        scopes = cast(list[str], d.pop("scopes"))

        token = d.pop("token")

        until = datetime.datetime.fromisoformat(d.pop("until"))

        open_page = cls(
            tenant=tenant,
            name=name,
            intent=intent,
            return_url=return_url,
            scopes=scopes,
            token=token,
            until=until,
        )

        open_page.additional_properties = d
        return open_page

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
