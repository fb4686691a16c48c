from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TenantChange")


@_attrs_define
class TenantChange:
    """What becomes of one tenant's value.

    Attributes:
        slug (str):
        cell (str):
        old (Any):
        old_source (None | str):
        new (Any):
        source (str):
    """

    slug: str
    cell: str
    old: Any
    old_source: None | str
    new: Any
    source: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        slug = self.slug

        cell = self.cell

        old = self.old

        old_source: None | str
        old_source = self.old_source

        new = self.new

        source = self.source

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "slug": slug,
                "cell": cell,
                "old": old,
                "old_source": old_source,
                "new": new,
                "source": source,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        slug = d.pop("slug")

        cell = d.pop("cell")

        old = d.pop("old")

        def _parse_old_source(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        old_source = _parse_old_source(d.pop("old_source"))

        new = d.pop("new")

        source = d.pop("source")

        tenant_change = cls(
            slug=slug,
            cell=cell,
            old=old,
            old_source=old_source,
            new=new,
            source=source,
        )

        tenant_change.additional_properties = d
        return tenant_change

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
