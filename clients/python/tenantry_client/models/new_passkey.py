from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.new_passkey_credential import NewPasskeyCredential


T = TypeVar("T", bound="NewPasskey")


@_attrs_define
class NewPasskey:
    """The same, and what the person calls it.

    Attributes:
        credential (NewPasskeyCredential):
        name (str):
    """

    credential: NewPasskeyCredential
    name: str

    def to_dict(self) -> dict[str, Any]:
        credential = self.credential.to_dict()

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credential": credential,
                "name": name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.new_passkey_credential import NewPasskeyCredential

        d = dict(src_dict)
        credential = NewPasskeyCredential.from_dict(d.pop("credential"))

        name = d.pop("name")

        new_passkey = cls(
            credential=credential,
            name=name,
        )

        return new_passkey
