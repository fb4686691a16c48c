from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="SignUpAnswer")


@_attrs_define
class SignUpAnswer:
    """The answer to whoever asks, whether a mail goes out or not.

    Attributes:
        sent_to_whoever_may_come_in (bool | Unset):  Default: True.
    """

    sent_to_whoever_may_come_in: bool | Unset = True
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sent_to_whoever_may_come_in = self.sent_to_whoever_may_come_in

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if sent_to_whoever_may_come_in is not UNSET:
            field_dict["sent_to_whoever_may_come_in"] = sent_to_whoever_may_come_in

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        sent_to_whoever_may_come_in = d.pop("sent_to_whoever_may_come_in", UNSET)

        sign_up_answer = cls(
            sent_to_whoever_may_come_in=sent_to_whoever_may_come_in,
        )

        sign_up_answer.additional_properties = d
        return sign_up_answer

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
