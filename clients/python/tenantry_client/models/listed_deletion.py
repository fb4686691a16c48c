from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ListedDeletion")


@_attrs_define
class ListedDeletion:
    """One tenant that was deleted or archived. `id`: of its record.

    Attributes:
        at (datetime.datetime):
        slug (str):
        outcome (str):
        id (UUID):
        key_id (str):
    """

    at: datetime.datetime
    slug: str
    outcome: str
    id: UUID
    key_id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        slug = self.slug

        outcome = self.outcome

        id = str(self.id)

        key_id = self.key_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "slug": slug,
                "outcome": outcome,
                "id": id,
                "key_id": key_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        slug = d.pop("slug")

        outcome = d.pop("outcome")

        id = UUID(d.pop("id"))

        key_id = d.pop("key_id")

        listed_deletion = cls(
            at=at,
            slug=slug,
            outcome=outcome,
            id=id,
            key_id=key_id,
        )

        listed_deletion.additional_properties = d
        return listed_deletion

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
