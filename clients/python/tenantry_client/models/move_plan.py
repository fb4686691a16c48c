from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.tenant_place import TenantPlace


T = TypeVar("T", bound="MovePlan")


@_attrs_define
class MovePlan:
    """What a move would do.

    Attributes:
        source (None | TenantPlace): null: it lives there already
        target (TenantPlace): Where a tenant lives.
    """

    source: None | TenantPlace
    target: TenantPlace
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.tenant_place import TenantPlace

        source: dict[str, Any] | None
        if isinstance(self.source, TenantPlace):
            source = self.source.to_dict()
        else:
            source = self.source

        target = self.target.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "source": source,
                "target": target,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.tenant_place import TenantPlace

        d = dict(src_dict)

        def _parse_source(data: object) -> None | TenantPlace:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                source_type_0 = TenantPlace.from_dict(data)

                return source_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | TenantPlace, data)

        source = _parse_source(d.pop("source"))

        target = TenantPlace.from_dict(d.pop("target"))

        move_plan = cls(
            source=source,
            target=target,
        )

        move_plan.additional_properties = d
        return move_plan

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
