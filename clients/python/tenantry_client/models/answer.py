from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.answer_credential import AnswerCredential


T = TypeVar("T", bound="Answer")


@_attrs_define
class Answer:
    """What the browser has given, by `toJSON()`.

    Attributes:
        credential (AnswerCredential):
    """

    credential: AnswerCredential

    def to_dict(self) -> dict[str, Any]:
        credential = self.credential.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credential": credential,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.answer_credential import AnswerCredential

        d = dict(src_dict)
        credential = AnswerCredential.from_dict(d.pop("credential"))

        answer = cls(
            credential=credential,
        )

        return answer
