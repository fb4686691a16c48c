from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Clone")


@_attrs_define
class Clone:
    """A clone. `state`: `filling` or `ready`.

    Attributes:
        slug (str):
        source (None | str):
        isolation (str):
        state (str):
        salt (str):
        classification (str): The SHA-256 of the file that decided what crossed
        rows_copied (int):
        objects_copied (int):
        filled_at (datetime.datetime | None):
    """

    slug: str
    source: None | str
    isolation: str
    state: str
    salt: str
    classification: str
    rows_copied: int
    objects_copied: int
    filled_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        slug = self.slug

        source: None | str
        source = self.source

        isolation = self.isolation

        state = self.state

        salt = self.salt

        classification = self.classification

        rows_copied = self.rows_copied

        objects_copied = self.objects_copied

        filled_at: None | str
        if isinstance(self.filled_at, datetime.datetime):
            filled_at = self.filled_at.isoformat()
        else:
            filled_at = self.filled_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "slug": slug,
                "source": source,
                "isolation": isolation,
                "state": state,
                "salt": salt,
                "classification": classification,
                "rows_copied": rows_copied,
                "objects_copied": objects_copied,
                "filled_at": filled_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        slug = d.pop("slug")

        def _parse_source(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source = _parse_source(d.pop("source"))

        isolation = d.pop("isolation")

        state = d.pop("state")

        salt = d.pop("salt")

        classification = d.pop("classification")

        rows_copied = d.pop("rows_copied")

        objects_copied = d.pop("objects_copied")

        def _parse_filled_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                filled_at_type_0 = datetime.datetime.fromisoformat(data)

                return filled_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        filled_at = _parse_filled_at(d.pop("filled_at"))

        clone = cls(
            slug=slug,
            source=source,
            isolation=isolation,
            state=state,
            salt=salt,
            classification=classification,
            rows_copied=rows_copied,
            objects_copied=objects_copied,
            filled_at=filled_at,
        )

        clone.additional_properties = d
        return clone

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
