from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.rotation_refused import RotationRefused
    from ..models.tenant_rotation import TenantRotation


T = TypeVar("T", bound="RotationsAsked")


@_attrs_define
class RotationsAsked:
    """What was asked for. `left`: how many are due still; ask again, under another name.

    Attributes:
        rotations (list[TenantRotation]):
        refused (list[RotationRefused]):
        left (int):
    """

    rotations: list[TenantRotation]
    refused: list[RotationRefused]
    left: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        rotations = []
        for rotations_item_data in self.rotations:
            rotations_item = rotations_item_data.to_dict()
            rotations.append(rotations_item)

        refused = []
        for refused_item_data in self.refused:
            refused_item = refused_item_data.to_dict()
            refused.append(refused_item)

        left = self.left

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "rotations": rotations,
                "refused": refused,
                "left": left,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.rotation_refused import RotationRefused
        from ..models.tenant_rotation import TenantRotation

        d = dict(src_dict)
        rotations = []
        _rotations = d.pop("rotations")
        for rotations_item_data in _rotations:
            rotations_item = TenantRotation.from_dict(rotations_item_data)

            rotations.append(rotations_item)

        refused = []
        _refused = d.pop("refused")
        for refused_item_data in _refused:
            refused_item = RotationRefused.from_dict(refused_item_data)

            refused.append(refused_item)

        left = d.pop("left")

        rotations_asked = cls(
            rotations=rotations,
            refused=refused,
            left=left,
        )

        rotations_asked.additional_properties = d
        return rotations_asked

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
