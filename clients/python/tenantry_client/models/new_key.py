from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.new_key_labels import NewKeyLabels


T = TypeVar("T", bound="NewKey")


@_attrs_define
class NewKey:
    """A key: of the asker himself, or of `HIS NAME/…`; its scopes among his, its labels his and more.

    Attributes:
        holder (str):
        scopes (list[str]):
        labels (NewKeyLabels | Unset): Besides the asker's own, which it gets
        days (int | None | Unset): It ends after so many days
    """

    holder: str
    scopes: list[str]
    labels: NewKeyLabels | Unset = UNSET
    days: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        holder = self.holder

        scopes = self.scopes

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        days: int | None | Unset
        if isinstance(self.days, Unset):
            days = UNSET
        else:
            days = self.days

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "holder": holder,
                "scopes": scopes,
            }
        )
        if labels is not UNSET:
            field_dict["labels"] = labels
        if days is not UNSET:
            field_dict["days"] = days

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.new_key_labels import NewKeyLabels

        d = dict(src_dict)
        holder = d.pop("holder")

        scopes = cast(list[str], d.pop("scopes"))

        _labels = d.pop("labels", UNSET)
        labels: NewKeyLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = NewKeyLabels.from_dict(_labels)

        def _parse_days(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        days = _parse_days(d.pop("days", UNSET))

        new_key = cls(
            holder=holder,
            scopes=scopes,
            labels=labels,
            days=days,
        )

        return new_key
