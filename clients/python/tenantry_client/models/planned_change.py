from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.planned_change_labels import PlannedChangeLabels
    from ..models.planned_change_where import PlannedChangeWhere


T = TypeVar("T", bound="PlannedChange")


@_attrs_define
class PlannedChange:
    """The same, done just as it was previewed.

    Attributes:
        key (str):
        value (bool | int | str):
        plan (str): `plan` of the preview
        tiers (list[str] | Unset):
        cells (list[str] | Unset):
        states (list[str] | Unset): Left out: active and suspended
        labels (PlannedChangeLabels | Unset):
        where (PlannedChangeWhere | Unset): Key and value in force, as in a file
        slugs (list[str] | Unset):
    """

    key: str
    value: bool | int | str
    plan: str
    tiers: list[str] | Unset = UNSET
    cells: list[str] | Unset = UNSET
    states: list[str] | Unset = UNSET
    labels: PlannedChangeLabels | Unset = UNSET
    where: PlannedChangeWhere | Unset = UNSET
    slugs: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        key = self.key

        value: bool | int | str
        value = self.value

        plan = self.plan

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
                "plan": plan,
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
        from ..models.planned_change_labels import PlannedChangeLabels
        from ..models.planned_change_where import PlannedChangeWhere

        d = dict(src_dict)
        key = d.pop("key")

        def _parse_value(data: object) -> bool | int | str:
            return cast(bool | int | str, data)

        value = _parse_value(d.pop("value"))

        plan = d.pop("plan")

        tiers = cast(list[str], d.pop("tiers", UNSET))

        cells = cast(list[str], d.pop("cells", UNSET))

        states = cast(list[str], d.pop("states", UNSET))

        _labels = d.pop("labels", UNSET)
        labels: PlannedChangeLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = PlannedChangeLabels.from_dict(_labels)

        _where = d.pop("where", UNSET)
        where: PlannedChangeWhere | Unset
        if isinstance(_where, Unset):
            where = UNSET
        else:
            where = PlannedChangeWhere.from_dict(_where)

        slugs = cast(list[str], d.pop("slugs", UNSET))

        planned_change = cls(
            key=key,
            value=value,
            plan=plan,
            tiers=tiers,
            cells=cells,
            states=states,
            labels=labels,
            where=where,
            slugs=slugs,
        )

        return planned_change
