from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.tenant_logged_line_kind import (
    TenantLoggedLineKind,
    check_tenant_logged_line_kind,
)

T = TypeVar("T", bound="TenantLoggedLine")


@_attrs_define
class TenantLoggedLine:
    """One thing that somebody did to the tenant, or read of it. `who`: `user:ID`, one of its users; else `platform`,
    `program`,
    `application` or `link`.

        Attributes:
            at (datetime.datetime):
            kind (TenantLoggedLineKind):
            who (str):
            action (str):
            detail (str):
            reads (int | None):
    """

    at: datetime.datetime
    kind: TenantLoggedLineKind
    who: str
    action: str
    detail: str
    reads: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        kind: str = self.kind

        who = self.who

        action = self.action

        detail = self.detail

        reads: int | None
        reads = self.reads

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "kind": kind,
                "who": who,
                "action": action,
                "detail": detail,
                "reads": reads,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        kind = check_tenant_logged_line_kind(d.pop("kind"))

        who = d.pop("who")

        action = d.pop("action")

        detail = d.pop("detail")

        def _parse_reads(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        reads = _parse_reads(d.pop("reads"))

        tenant_logged_line = cls(
            at=at,
            kind=kind,
            who=who,
            action=action,
            detail=detail,
            reads=reads,
        )

        tenant_logged_line.additional_properties = d
        return tenant_logged_line

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
