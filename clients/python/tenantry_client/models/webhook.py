from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Webhook")


@_attrs_define
class Webhook:
    """One webhook, of the key's holder. `sequence`: the last place in its order that was given to an event.

    Attributes:
        id (UUID):
        url (str):
        events (list[str]):
        contact (str):
        description (str):
        state (str):
        sequence (int):
        cause (None | str):
        failing_since (datetime.datetime | None):
        disabled_at (datetime.datetime | None):
        created_at (datetime.datetime):
        former_until (datetime.datetime | None):
        secret (None | str | Unset): Only in the first answer: the same request asked again does not have it
    """

    id: UUID
    url: str
    events: list[str]
    contact: str
    description: str
    state: str
    sequence: int
    cause: None | str
    failing_since: datetime.datetime | None
    disabled_at: datetime.datetime | None
    created_at: datetime.datetime
    former_until: datetime.datetime | None
    secret: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        url = self.url

        events = self.events

        contact = self.contact

        description = self.description

        state = self.state

        sequence = self.sequence

        cause: None | str
        cause = self.cause

        failing_since: None | str
        if isinstance(self.failing_since, datetime.datetime):
            failing_since = self.failing_since.isoformat()
        else:
            failing_since = self.failing_since

        disabled_at: None | str
        if isinstance(self.disabled_at, datetime.datetime):
            disabled_at = self.disabled_at.isoformat()
        else:
            disabled_at = self.disabled_at

        created_at = self.created_at.isoformat()

        former_until: None | str
        if isinstance(self.former_until, datetime.datetime):
            former_until = self.former_until.isoformat()
        else:
            former_until = self.former_until

        secret: None | str | Unset
        if isinstance(self.secret, Unset):
            secret = UNSET
        else:
            secret = self.secret

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "url": url,
                "events": events,
                "contact": contact,
                "description": description,
                "state": state,
                "sequence": sequence,
                "cause": cause,
                "failing_since": failing_since,
                "disabled_at": disabled_at,
                "created_at": created_at,
                "former_until": former_until,
            }
        )
        if secret is not UNSET:
            field_dict["secret"] = secret

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        url = d.pop("url")

        events = cast(list[str], d.pop("events"))

        contact = d.pop("contact")

        description = d.pop("description")

        state = d.pop("state")

        sequence = d.pop("sequence")

        def _parse_cause(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        cause = _parse_cause(d.pop("cause"))

        def _parse_failing_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                failing_since_type_0 = datetime.datetime.fromisoformat(data)

                return failing_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        failing_since = _parse_failing_since(d.pop("failing_since"))

        def _parse_disabled_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                disabled_at_type_0 = datetime.datetime.fromisoformat(data)

                return disabled_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        disabled_at = _parse_disabled_at(d.pop("disabled_at"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_former_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                former_until_type_0 = datetime.datetime.fromisoformat(data)

                return former_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        former_until = _parse_former_until(d.pop("former_until"))

        def _parse_secret(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        secret = _parse_secret(d.pop("secret", UNSET))

        webhook = cls(
            id=id,
            url=url,
            events=events,
            contact=contact,
            description=description,
            state=state,
            sequence=sequence,
            cause=cause,
            failing_since=failing_since,
            disabled_at=disabled_at,
            created_at=created_at,
            former_until=former_until,
            secret=secret,
        )

        webhook.additional_properties = d
        return webhook

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
