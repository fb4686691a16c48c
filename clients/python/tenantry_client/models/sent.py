from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.sent_data import SentData


T = TypeVar("T", bound="Sent")


@_attrs_define
class Sent:
    """One event that was sent to the webhook, or waits.

    Attributes:
        event (UUID):
        type_ (str):
        at (datetime.datetime):
        tenant (None | str):
        data (SentData):
        sequence (int | None):
        state (str):
        tries (int):
        status (int | None):
        cause (None | str):
        tried_at (datetime.datetime | None):
        finished_at (datetime.datetime | None):
    """

    event: UUID
    type_: str
    at: datetime.datetime
    tenant: None | str
    data: SentData
    sequence: int | None
    state: str
    tries: int
    status: int | None
    cause: None | str
    tried_at: datetime.datetime | None
    finished_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        event = str(self.event)

        type_ = self.type_

        at = self.at.isoformat()

        tenant: None | str
        tenant = self.tenant

        data = self.data.to_dict()

        sequence: int | None
        sequence = self.sequence

        state = self.state

        tries = self.tries

        status: int | None
        status = self.status

        cause: None | str
        cause = self.cause

        tried_at: None | str
        if isinstance(self.tried_at, datetime.datetime):
            tried_at = self.tried_at.isoformat()
        else:
            tried_at = self.tried_at

        finished_at: None | str
        if isinstance(self.finished_at, datetime.datetime):
            finished_at = self.finished_at.isoformat()
        else:
            finished_at = self.finished_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event": event,
                "type": type_,
                "at": at,
                "tenant": tenant,
                "data": data,
                "sequence": sequence,
                "state": state,
                "tries": tries,
                "status": status,
                "cause": cause,
                "tried_at": tried_at,
                "finished_at": finished_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.sent_data import SentData

        d = dict(src_dict)
        event = UUID(d.pop("event"))

        type_ = d.pop("type")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_tenant(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        tenant = _parse_tenant(d.pop("tenant"))

        data = SentData.from_dict(d.pop("data"))

        def _parse_sequence(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        sequence = _parse_sequence(d.pop("sequence"))

        state = d.pop("state")

        tries = d.pop("tries")

        def _parse_status(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        status = _parse_status(d.pop("status"))

        def _parse_cause(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        cause = _parse_cause(d.pop("cause"))

        def _parse_tried_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                tried_at_type_0 = datetime.datetime.fromisoformat(data)

                return tried_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        tried_at = _parse_tried_at(d.pop("tried_at"))

        def _parse_finished_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                finished_at_type_0 = datetime.datetime.fromisoformat(data)

                return finished_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        finished_at = _parse_finished_at(d.pop("finished_at"))

        sent = cls(
            event=event,
            type_=type_,
            at=at,
            tenant=tenant,
            data=data,
            sequence=sequence,
            state=state,
            tries=tries,
            status=status,
            cause=cause,
            tried_at=tried_at,
            finished_at=finished_at,
        )

        sent.additional_properties = d
        return sent

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
