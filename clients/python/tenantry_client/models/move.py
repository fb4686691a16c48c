from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.tenant_place import TenantPlace


T = TypeVar("T", bound="Move")


@_attrs_define
class Move:
    """A move, under way or over. `id`: the run that began it.

    Attributes:
        id (UUID):
        source (TenantPlace): Where a tenant lives.
        target (TenantPlace): Where a tenant lives.
        phase (str):
        started_at (datetime.datetime):
        switched_at (datetime.datetime | None):
        freeze_ms (int | None): How long writes waited
        rows (int | None):
        ended_at (datetime.datetime | None):
        outcome (None | str):
        kept_until (datetime.datetime | None): Until when a rollback is possible
    """

    id: UUID
    source: TenantPlace
    target: TenantPlace
    phase: str
    started_at: datetime.datetime
    switched_at: datetime.datetime | None
    freeze_ms: int | None
    rows: int | None
    ended_at: datetime.datetime | None
    outcome: None | str
    kept_until: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        source = self.source.to_dict()

        target = self.target.to_dict()

        phase = self.phase

        started_at = self.started_at.isoformat()

        switched_at: None | str
        if isinstance(self.switched_at, datetime.datetime):
            switched_at = self.switched_at.isoformat()
        else:
            switched_at = self.switched_at

        freeze_ms: int | None
        freeze_ms = self.freeze_ms

        rows: int | None
        rows = self.rows

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        outcome: None | str
        outcome = self.outcome

        kept_until: None | str
        if isinstance(self.kept_until, datetime.datetime):
            kept_until = self.kept_until.isoformat()
        else:
            kept_until = self.kept_until

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "source": source,
                "target": target,
                "phase": phase,
                "started_at": started_at,
                "switched_at": switched_at,
                "freeze_ms": freeze_ms,
                "rows": rows,
                "ended_at": ended_at,
                "outcome": outcome,
                "kept_until": kept_until,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.tenant_place import TenantPlace

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        source = TenantPlace.from_dict(d.pop("source"))

        target = TenantPlace.from_dict(d.pop("target"))

        phase = d.pop("phase")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        def _parse_switched_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                switched_at_type_0 = datetime.datetime.fromisoformat(data)

                return switched_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        switched_at = _parse_switched_at(d.pop("switched_at"))

        def _parse_freeze_ms(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        freeze_ms = _parse_freeze_ms(d.pop("freeze_ms"))

        def _parse_rows(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        rows = _parse_rows(d.pop("rows"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        def _parse_outcome(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        outcome = _parse_outcome(d.pop("outcome"))

        def _parse_kept_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                kept_until_type_0 = datetime.datetime.fromisoformat(data)

                return kept_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        kept_until = _parse_kept_until(d.pop("kept_until"))

        move = cls(
            id=id,
            source=source,
            target=target,
            phase=phase,
            started_at=started_at,
            switched_at=switched_at,
            freeze_ms=freeze_ms,
            rows=rows,
            ended_at=ended_at,
            outcome=outcome,
            kept_until=kept_until,
        )

        move.additional_properties = d
        return move

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
