from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.deletion_record_record import DeletionRecordRecord


T = TypeVar("T", bound="DeletionRecord")


@_attrs_define
class DeletionRecord:
    """What was deleted, with a signature that `tenantry deletion verify` checks anywhere.

    Attributes:
        format_ (str):
        record (DeletionRecordRecord):
        algorithm (str):
        key_id (str):
        signature (str):
    """

    format_: str
    record: DeletionRecordRecord
    algorithm: str
    key_id: str
    signature: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        format_ = self.format_

        record = self.record.to_dict()

        algorithm = self.algorithm

        key_id = self.key_id

        signature = self.signature

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "format": format_,
                "record": record,
                "algorithm": algorithm,
                "key_id": key_id,
                "signature": signature,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.deletion_record_record import DeletionRecordRecord

        d = dict(src_dict)
        format_ = d.pop("format")

        record = DeletionRecordRecord.from_dict(d.pop("record"))

        algorithm = d.pop("algorithm")

        key_id = d.pop("key_id")

        signature = d.pop("signature")

        deletion_record = cls(
            format_=format_,
            record=record,
            algorithm=algorithm,
            key_id=key_id,
            signature=signature,
        )

        deletion_record.additional_properties = d
        return deletion_record

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
