from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="UndoneValue")


@_attrs_define
class UndoneValue:
    """One value that goes back; `back` null: what was set goes.

    Attributes:
        slug (str):
        key (str):
        now (Any):
        back (Any):
        changed_since (bool):
    """

    slug: str
    key: str
    now: Any
    back: Any
    changed_since: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        slug = self.slug

        key = self.key

        now = self.now

        back = self.back

        changed_since = self.changed_since

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "slug": slug,
                "key": key,
                "now": now,
                "back": back,
                "changed_since": changed_since,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        slug = d.pop("slug")

        key = d.pop("key")

        now = d.pop("now")

        back = d.pop("back")

        changed_since = d.pop("changed_since")

        undone_value = cls(
            slug=slug,
            key=key,
            now=now,
            back=back,
            changed_since=changed_since,
        )

        undone_value.additional_properties = d
        return undone_value

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
