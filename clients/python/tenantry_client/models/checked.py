from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Checked")


@_attrs_define
class Checked:
    """The classification held against the tables.

    Attributes:
        classification (str):
        sha256 (str):
        revision (str):
        pending (bool): Whether the cell's own tables are not at that revision yet
        problems (list[str]):
    """

    classification: str
    sha256: str
    revision: str
    pending: bool
    problems: list[str]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        classification = self.classification

        sha256 = self.sha256

        revision = self.revision

        pending = self.pending

        problems = self.problems

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "classification": classification,
                "sha256": sha256,
                "revision": revision,
                "pending": pending,
                "problems": problems,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        classification = d.pop("classification")

        sha256 = d.pop("sha256")

        revision = d.pop("revision")

        pending = d.pop("pending")

        problems = cast(list[str], d.pop("problems"))

        checked = cls(
            classification=classification,
            sha256=sha256,
            revision=revision,
            pending=pending,
            problems=problems,
        )

        checked.additional_properties = d
        return checked

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
