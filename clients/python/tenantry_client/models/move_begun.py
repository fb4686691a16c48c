from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.tenant_place import TenantPlace


T = TypeVar("T", bound="MoveBegun")


@_attrs_define
class MoveBegun:
    """What came of asking for a move.

    Attributes:
        run (None | UUID): null: the tenant lives there already
        target (None | TenantPlace): null: the move was under way
        edited (bool): Whether its file was edited to say so
    """

    run: None | UUID
    target: None | TenantPlace
    edited: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.tenant_place import TenantPlace

        run: None | str
        if isinstance(self.run, UUID):
            run = str(self.run)
        else:
            run = self.run

        target: dict[str, Any] | None
        if isinstance(self.target, TenantPlace):
            target = self.target.to_dict()
        else:
            target = self.target

        edited = self.edited

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "run": run,
                "target": target,
                "edited": edited,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.tenant_place import TenantPlace

        d = dict(src_dict)

        def _parse_run(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                run_type_0 = UUID(data)

                return run_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        run = _parse_run(d.pop("run"))

        def _parse_target(data: object) -> None | TenantPlace:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                target_type_0 = TenantPlace.from_dict(data)

                return target_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | TenantPlace, data)

        target = _parse_target(d.pop("target"))

        edited = d.pop("edited")

        move_begun = cls(
            run=run,
            target=target,
            edited=edited,
        )

        move_begun.additional_properties = d
        return move_begun

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
