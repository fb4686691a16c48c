from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.new_portal_link_intent import (
    NewPortalLinkIntent,
    check_new_portal_link_intent,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewPortalLink")


@_attrs_define
class NewPortalLink:
    """Which page, and where its way back leads.

    Attributes:
        intent (NewPortalLinkIntent):
        return_url (None | str | Unset): https, at a host of the tenant's or one registered for the key's holder
    """

    intent: NewPortalLinkIntent
    return_url: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        intent: str = self.intent

        return_url: None | str | Unset
        if isinstance(self.return_url, Unset):
            return_url = UNSET
        else:
            return_url = self.return_url

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "intent": intent,
            }
        )
        if return_url is not UNSET:
            field_dict["return_url"] = return_url

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        intent = check_new_portal_link_intent(d.pop("intent"))

        def _parse_return_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        return_url = _parse_return_url(d.pop("return_url", UNSET))

        new_portal_link = cls(
            intent=intent,
            return_url=return_url,
        )

        return new_portal_link
