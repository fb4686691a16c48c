from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.finding import Finding
    from ..models.usage_limits import UsageLimits


T = TypeVar("T", bound="Usage")


@_attrs_define
class Usage:
    """A tenant's newest measurement.

    Attributes:
        slug (str):
        measured_at (datetime.datetime):
        rows (int):
        database_bytes (int):
        objects (int):
        object_bytes (int):
        users (int):
        connections (int | None): null: nobody can tell whose a session of its cell is
        limits (UsageLimits):
        findings (list[Finding]):
    """

    slug: str
    measured_at: datetime.datetime
    rows: int
    database_bytes: int
    objects: int
    object_bytes: int
    users: int
    connections: int | None
    limits: UsageLimits
    findings: list[Finding]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        slug = self.slug

        measured_at = self.measured_at.isoformat()

        rows = self.rows

        database_bytes = self.database_bytes

        objects = self.objects

        object_bytes = self.object_bytes

        users = self.users

        connections: int | None
        connections = self.connections

        limits = self.limits.to_dict()

        findings = []
        for findings_item_data in self.findings:
            findings_item = findings_item_data.to_dict()
            findings.append(findings_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "slug": slug,
                "measured_at": measured_at,
                "rows": rows,
                "database_bytes": database_bytes,
                "objects": objects,
                "object_bytes": object_bytes,
                "users": users,
                "connections": connections,
                "limits": limits,
                "findings": findings,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.finding import Finding
        from ..models.usage_limits import UsageLimits

        d = dict(src_dict)
        slug = d.pop("slug")

        measured_at = datetime.datetime.fromisoformat(d.pop("measured_at"))

        rows = d.pop("rows")

        database_bytes = d.pop("database_bytes")

        objects = d.pop("objects")

        object_bytes = d.pop("object_bytes")

        users = d.pop("users")

        def _parse_connections(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        connections = _parse_connections(d.pop("connections"))

        limits = UsageLimits.from_dict(d.pop("limits"))

        findings = []
        _findings = d.pop("findings")
        for findings_item_data in _findings:
            findings_item = Finding.from_dict(findings_item_data)

            findings.append(findings_item)

        usage = cls(
            slug=slug,
            measured_at=measured_at,
            rows=rows,
            database_bytes=database_bytes,
            objects=objects,
            object_bytes=object_bytes,
            users=users,
            connections=connections,
            limits=limits,
            findings=findings,
        )

        usage.additional_properties = d
        return usage

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
