from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.bulk_change_labels import BulkChangeLabels
    from ..models.bulk_change_where import BulkChangeWhere


T = TypeVar("T", bound="BulkChange")


@_attrs_define
class BulkChange:
    """A value, and which tenants get it: those that meet every condition. Those out of sight are never chosen.

    Attributes:
        key (str):
        value (bool | int | str):
        tiers (list[str] | Unset):
        cells (list[str] | Unset):
        states (list[str] | Unset): Left out: active and suspended
        labels (BulkChangeLabels | Unset):
        where (BulkChangeWhere | Unset): Key and value in force, as in a file
        slugs (list[str] | Unset):
    """

    key: str
    value: bool | int | str
    tiers: list[str] | Unset = UNSET
    cells: list[str] | Unset = UNSET
    states: list[str] | Unset = UNSET
    labels: BulkChangeLabels | Unset = UNSET
    where: BulkChangeWhere | Unset = UNSET
    slugs: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        key = self.key

        value: bool | int | str
        value = self.value

        tiers: list[str] | Unset = UNSET
        if not isinstance(self.tiers, Unset):
            tiers = self.tiers

        cells: list[str] | Unset = UNSET
        if not isinstance(self.cells, Unset):
            cells = self.cells

        states: list[str] | Unset = UNSET
        if not isinstance(self.states, Unset):
            states = self.states

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        where: dict[str, Any] | Unset = UNSET
        if not isinstance(self.where, Unset):
            where = self.where.to_dict()

        slugs: list[str] | Unset = UNSET
        if not isinstance(self.slugs, Unset):
            slugs = self.slugs

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "key": key,
                "value": value,
            }
        )
        if tiers is not UNSET:
            field_dict["tiers"] = tiers
        if cells is not UNSET:
            field_dict["cells"] = cells
        if states is not UNSET:
            field_dict["states"] = states
        if labels is not UNSET:
            field_dict["labels"] = labels
        if where is not UNSET:
            field_dict["where"] = where
        if slugs is not UNSET:
            field_dict["slugs"] = slugs

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.bulk_change_labels import BulkChangeLabels
        from ..models.bulk_change_where import BulkChangeWhere

        d = dict(src_dict)
        key = d.pop("key")

        def _parse_value(data: object) -> bool | int | str:
            return cast(bool | int | str, data)

        value = _parse_value(d.pop("value"))

        tiers = cast(list[str], d.pop("tiers", UNSET))

        cells = cast(list[str], d.pop("cells", UNSET))

        states = cast(list[str], d.pop("states", UNSET))

        _labels = d.pop("labels", UNSET)
        labels: BulkChangeLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = BulkChangeLabels.from_dict(_labels)

        _where = d.pop("where", UNSET)
        where: BulkChangeWhere | Unset
        if isinstance(_where, Unset):
            where = UNSET
        else:
            where = BulkChangeWhere.from_dict(_where)

        slugs = cast(list[str], d.pop("slugs", UNSET))

        bulk_change = cls(
            key=key,
            value=value,
            tiers=tiers,
            cells=cells,
            states=states,
            labels=labels,
            where=where,
            slugs=slugs,
        )

        return bulk_change
