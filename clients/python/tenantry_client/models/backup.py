from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Backup")


@_attrs_define
class Backup:
    """One backup; `bytes` as stored.

    Attributes:
        id (str):
        reason (str):
        state (str):
        model (str):
        taken_at (datetime.datetime | None):
        seconds (float | None):
        bytes_ (int | None):
        rows (int | None):
        objects (int | None):
        verified_at (datetime.datetime | None):
        proved_at (datetime.datetime | None):
    """

    id: str
    reason: str
    state: str
    model: str
    taken_at: datetime.datetime | None
    seconds: float | None
    bytes_: int | None
    rows: int | None
    objects: int | None
    verified_at: datetime.datetime | None
    proved_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        reason = self.reason

        state = self.state

        model = self.model

        taken_at: None | str
        if isinstance(self.taken_at, datetime.datetime):
            taken_at = self.taken_at.isoformat()
        else:
            taken_at = self.taken_at

        seconds: float | None
        seconds = self.seconds

        bytes_: int | None
        bytes_ = self.bytes_

        rows: int | None
        rows = self.rows

        objects: int | None
        objects = self.objects

        verified_at: None | str
        if isinstance(self.verified_at, datetime.datetime):
            verified_at = self.verified_at.isoformat()
        else:
            verified_at = self.verified_at

        proved_at: None | str
        if isinstance(self.proved_at, datetime.datetime):
            proved_at = self.proved_at.isoformat()
        else:
            proved_at = self.proved_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "reason": reason,
                "state": state,
                "model": model,
                "taken_at": taken_at,
                "seconds": seconds,
                "bytes": bytes_,
                "rows": rows,
                "objects": objects,
                "verified_at": verified_at,
                "proved_at": proved_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = d.pop("id")

        reason = d.pop("reason")

        state = d.pop("state")

        model = d.pop("model")

        def _parse_taken_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                taken_at_type_0 = datetime.datetime.fromisoformat(data)

                return taken_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        taken_at = _parse_taken_at(d.pop("taken_at"))

        def _parse_seconds(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        seconds = _parse_seconds(d.pop("seconds"))

        def _parse_bytes_(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        bytes_ = _parse_bytes_(d.pop("bytes"))

        def _parse_rows(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        rows = _parse_rows(d.pop("rows"))

        def _parse_objects(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        objects = _parse_objects(d.pop("objects"))

        def _parse_verified_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                verified_at_type_0 = datetime.datetime.fromisoformat(data)

                return verified_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        verified_at = _parse_verified_at(d.pop("verified_at"))

        def _parse_proved_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                proved_at_type_0 = datetime.datetime.fromisoformat(data)

                return proved_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        proved_at = _parse_proved_at(d.pop("proved_at"))

        backup = cls(
            id=id,
            reason=reason,
            state=state,
            model=model,
            taken_at=taken_at,
            seconds=seconds,
            bytes_=bytes_,
            rows=rows,
            objects=objects,
            verified_at=verified_at,
            proved_at=proved_at,
        )

        backup.additional_properties = d
        return backup

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
