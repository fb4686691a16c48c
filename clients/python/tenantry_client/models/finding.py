from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.finding_level import FindingLevel, check_finding_level

T = TypeVar("T", bound="Finding")


@_attrs_define
class Finding:
    """A limit that is used to 80 % or more.

    Attributes:
        limit (str):
        used (float):
        allowed (float):
        percent (int):
        level (FindingLevel):
    """

    limit: str
    used: float
    allowed: float
    percent: int
    level: FindingLevel
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        limit = self.limit

        used = self.used

        allowed = self.allowed

        percent = self.percent

        level: str = self.level

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "limit": limit,
                "used": used,
                "allowed": allowed,
                "percent": percent,
                "level": level,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        limit = d.pop("limit")

        used = d.pop("used")

        allowed = d.pop("allowed")

        percent = d.pop("percent")

        level = check_finding_level(d.pop("level"))

        finding = cls(
            limit=limit,
            used=used,
            allowed=allowed,
            percent=percent,
            level=level,
        )

        finding.additional_properties = d
        return finding

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
