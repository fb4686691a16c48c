from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.table_set_entry import TableSetEntry


T = TypeVar("T", bound="RollOutPlan")


@_attrs_define
class RollOutPlan:
    """What a roll-out would do. `held`: left until moves and restores are over; `unmade`: without tables yet.

    Attributes:
        head (str):
        first (list[TableSetEntry]):
        rest (list[TableSetEntry]):
        held (list[TableSetEntry]):
        unmade (list[TableSetEntry]):
        unreachable (list[TableSetEntry]):
        at_head (int):
    """

    head: str
    first: list[TableSetEntry]
    rest: list[TableSetEntry]
    held: list[TableSetEntry]
    unmade: list[TableSetEntry]
    unreachable: list[TableSetEntry]
    at_head: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        head = self.head

        first = []
        for first_item_data in self.first:
            first_item = first_item_data.to_dict()
            first.append(first_item)

        rest = []
        for rest_item_data in self.rest:
            rest_item = rest_item_data.to_dict()
            rest.append(rest_item)

        held = []
        for held_item_data in self.held:
            held_item = held_item_data.to_dict()
            held.append(held_item)

        unmade = []
        for unmade_item_data in self.unmade:
            unmade_item = unmade_item_data.to_dict()
            unmade.append(unmade_item)

        unreachable = []
        for unreachable_item_data in self.unreachable:
            unreachable_item = unreachable_item_data.to_dict()
            unreachable.append(unreachable_item)

        at_head = self.at_head

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "head": head,
                "first": first,
                "rest": rest,
                "held": held,
                "unmade": unmade,
                "unreachable": unreachable,
                "at_head": at_head,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.table_set_entry import TableSetEntry

        d = dict(src_dict)
        head = d.pop("head")

        first = []
        _first = d.pop("first")
        for first_item_data in _first:
            first_item = TableSetEntry.from_dict(first_item_data)

            first.append(first_item)

        rest = []
        _rest = d.pop("rest")
        for rest_item_data in _rest:
            rest_item = TableSetEntry.from_dict(rest_item_data)

            rest.append(rest_item)

        held = []
        _held = d.pop("held")
        for held_item_data in _held:
            held_item = TableSetEntry.from_dict(held_item_data)

            held.append(held_item)

        unmade = []
        _unmade = d.pop("unmade")
        for unmade_item_data in _unmade:
            unmade_item = TableSetEntry.from_dict(unmade_item_data)

            unmade.append(unmade_item)

        unreachable = []
        _unreachable = d.pop("unreachable")
        for unreachable_item_data in _unreachable:
            unreachable_item = TableSetEntry.from_dict(unreachable_item_data)

            unreachable.append(unreachable_item)

        at_head = d.pop("at_head")

        roll_out_plan = cls(
            head=head,
            first=first,
            rest=rest,
            held=held,
            unmade=unmade,
            unreachable=unreachable,
            at_head=at_head,
        )

        roll_out_plan.additional_properties = d
        return roll_out_plan

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
