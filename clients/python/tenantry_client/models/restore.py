from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Restore")


@_attrs_define
class Restore:
    """A restore in the place of data. `id`: its run; `state`: `running`, `kept`, `confirmed` or `rolled-back`.

    Attributes:
        id (UUID):
        backup (str):
        state (str):
        started_at (datetime.datetime):
        swapped_at (datetime.datetime | None):
        keep_until (datetime.datetime | None): When it is confirmed by itself
        finished_at (datetime.datetime | None):
    """

    id: UUID
    backup: str
    state: str
    started_at: datetime.datetime
    swapped_at: datetime.datetime | None
    keep_until: datetime.datetime | None
    finished_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        backup = self.backup

        state = self.state

        started_at = self.started_at.isoformat()

        swapped_at: None | str
        if isinstance(self.swapped_at, datetime.datetime):
            swapped_at = self.swapped_at.isoformat()
        else:
            swapped_at = self.swapped_at

        keep_until: None | str
        if isinstance(self.keep_until, datetime.datetime):
            keep_until = self.keep_until.isoformat()
        else:
            keep_until = self.keep_until

        finished_at: None | str
        if isinstance(self.finished_at, datetime.datetime):
            finished_at = self.finished_at.isoformat()
        else:
            finished_at = self.finished_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "backup": backup,
                "state": state,
                "started_at": started_at,
                "swapped_at": swapped_at,
                "keep_until": keep_until,
                "finished_at": finished_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        backup = d.pop("backup")

        state = d.pop("state")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        def _parse_swapped_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                swapped_at_type_0 = datetime.datetime.fromisoformat(data)

                return swapped_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        swapped_at = _parse_swapped_at(d.pop("swapped_at"))

        def _parse_keep_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                keep_until_type_0 = datetime.datetime.fromisoformat(data)

                return keep_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        keep_until = _parse_keep_until(d.pop("keep_until"))

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

        restore = cls(
            id=id,
            backup=backup,
            state=state,
            started_at=started_at,
            swapped_at=swapped_at,
            keep_until=keep_until,
            finished_at=finished_at,
        )

        restore.additional_properties = d
        return restore

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
