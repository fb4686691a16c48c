from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.new_webhook_events_item import (
    NewWebhookEventsItem,
    check_new_webhook_events_item,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewWebhook")


@_attrs_define
class NewWebhook:
    """Where to, and what is told.

    Attributes:
        url (str):
        contact (str): Who hears by mail when it is disabled
        events (list[NewWebhookEventsItem] | Unset): None: every event
        description (str | Unset): What it is for, in words of your own Default: ''.
    """

    url: str
    contact: str
    events: list[NewWebhookEventsItem] | Unset = UNSET
    description: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        url = self.url

        contact = self.contact

        events: list[str] | Unset = UNSET
        if not isinstance(self.events, Unset):
            events = []
            for events_item_data in self.events:
                events_item: str = events_item_data
                events.append(events_item)

        description = self.description

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "url": url,
                "contact": contact,
            }
        )
        if events is not UNSET:
            field_dict["events"] = events
        if description is not UNSET:
            field_dict["description"] = description

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        url = d.pop("url")

        contact = d.pop("contact")

        _events = d.pop("events", UNSET)
        events: list[NewWebhookEventsItem] | Unset = UNSET
        if _events is not UNSET:
            events = []
            for events_item_data in _events:
                events_item = check_new_webhook_events_item(events_item_data)

                events.append(events_item)

        description = d.pop("description", UNSET)

        new_webhook = cls(
            url=url,
            contact=contact,
            events=events,
            description=description,
        )

        return new_webhook
