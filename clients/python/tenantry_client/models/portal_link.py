from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.portal_link_intent import PortalLinkIntent, check_portal_link_intent
from ..types import UNSET, Unset

T = TypeVar("T", bound="PortalLink")


@_attrs_define
class PortalLink:
    """A link that was made.

    Attributes:
        id (UUID):
        intent (PortalLinkIntent):
        return_url (None | str):
        expires_at (datetime.datetime):
        url (None | str | Unset): Only in the first answer: the same request asked again does not have it
    """

    id: UUID
    intent: PortalLinkIntent
    return_url: None | str
    expires_at: datetime.datetime
    url: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        intent: str = self.intent

        return_url: None | str
        return_url = self.return_url

        expires_at = self.expires_at.isoformat()

        url: None | str | Unset
        if isinstance(self.url, Unset):
            url = UNSET
        else:
            url = self.url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "intent": intent,
                "return_url": return_url,
                "expires_at": expires_at,
            }
        )
        if url is not UNSET:
            field_dict["url"] = url

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        intent = check_portal_link_intent(d.pop("intent"))

        def _parse_return_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        return_url = _parse_return_url(d.pop("return_url"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        def _parse_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        url = _parse_url(d.pop("url", UNSET))

        portal_link = cls(
            id=id,
            intent=intent,
            return_url=return_url,
            expires_at=expires_at,
            url=url,
        )

        portal_link.additional_properties = d
        return portal_link

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
