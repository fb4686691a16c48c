from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TenantRevision")


@_attrs_define
class TenantRevision:
    """One tenant, or the tables of a cell in which nobody is yet. ``revision`` None: not made yet, or not reachable for a
    ``problem``.

        Attributes:
            tenant (str):
            isolation (str):
            cell (str):
            ring (None | str):
            revision (None | str):
            problem (str):
    """

    tenant: str
    isolation: str
    cell: str
    ring: None | str
    revision: None | str
    problem: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        tenant = self.tenant

        isolation = self.isolation

        cell = self.cell

        ring: None | str
        ring = self.ring

        revision: None | str
        revision = self.revision

        problem = self.problem

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "tenant": tenant,
                "isolation": isolation,
                "cell": cell,
                "ring": ring,
                "revision": revision,
                "problem": problem,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        tenant = d.pop("tenant")

        isolation = d.pop("isolation")

        cell = d.pop("cell")

        def _parse_ring(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        ring = _parse_ring(d.pop("ring"))

        def _parse_revision(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        revision = _parse_revision(d.pop("revision"))

        problem = d.pop("problem")

        tenant_revision = cls(
            tenant=tenant,
            isolation=isolation,
            cell=cell,
            ring=ring,
            revision=revision,
            problem=problem,
        )

        tenant_revision.additional_properties = d
        return tenant_revision

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
