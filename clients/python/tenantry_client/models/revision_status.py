from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.tenant_revision import TenantRevision


T = TypeVar("T", bound="RevisionStatus")


@_attrs_define
class RevisionStatus:
    """All ``tenants``, and the ``revisions`` of this checkout, oldest first, the last of which is the ``head``.

    Attributes:
        head (str):
        revisions (list[str]):
        tenants (list[TenantRevision]):
        partial (bool):
    """

    head: str
    revisions: list[str]
    tenants: list[TenantRevision]
    partial: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        head = self.head

        revisions = self.revisions

        tenants = []
        for tenants_item_data in self.tenants:
            tenants_item = tenants_item_data.to_dict()
            tenants.append(tenants_item)

        partial = self.partial

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "head": head,
                "revisions": revisions,
                "tenants": tenants,
                "partial": partial,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.tenant_revision import TenantRevision

        d = dict(src_dict)
        head = d.pop("head")

        revisions = cast(list[str], d.pop("revisions"))

        tenants = []
        _tenants = d.pop("tenants")
        for tenants_item_data in _tenants:
            tenants_item = TenantRevision.from_dict(tenants_item_data)

            tenants.append(tenants_item)

        partial = d.pop("partial")

        revision_status = cls(
            head=head,
            revisions=revisions,
            tenants=tenants,
            partial=partial,
        )

        revision_status.additional_properties = d
        return revision_status

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
