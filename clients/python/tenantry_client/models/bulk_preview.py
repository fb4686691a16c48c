from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.bulk_preview_cells import BulkPreviewCells
    from ..models.tenant_change import TenantChange


T = TypeVar("T", bound="BulkPreview")


@_attrs_define
class BulkPreview:
    """What the change would do; `plan` names that, as long as it would do the same.

    Attributes:
        key (str):
        value (Any):
        plan (str):
        chosen (int): Tenants, also those that have the value
        cells (BulkPreviewCells): Tenants that change, by cell
        changes (list[TenantChange]):
    """

    key: str
    value: Any
    plan: str
    chosen: int
    cells: BulkPreviewCells
    changes: list[TenantChange]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        key = self.key

        value = self.value

        plan = self.plan

        chosen = self.chosen

        cells = self.cells.to_dict()

        changes = []
        for changes_item_data in self.changes:
            changes_item = changes_item_data.to_dict()
            changes.append(changes_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "key": key,
                "value": value,
                "plan": plan,
                "chosen": chosen,
                "cells": cells,
                "changes": changes,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.bulk_preview_cells import BulkPreviewCells
        from ..models.tenant_change import TenantChange

        d = dict(src_dict)
        key = d.pop("key")

        value = d.pop("value")

        plan = d.pop("plan")

        chosen = d.pop("chosen")

        cells = BulkPreviewCells.from_dict(d.pop("cells"))

        changes = []
        _changes = d.pop("changes")
        for changes_item_data in _changes:
            changes_item = TenantChange.from_dict(changes_item_data)

            changes.append(changes_item)

        bulk_preview = cls(
            key=key,
            value=value,
            plan=plan,
            chosen=chosen,
            cells=cells,
            changes=changes,
        )

        bulk_preview.additional_properties = d
        return bulk_preview

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
