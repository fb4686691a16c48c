from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.deletion_outcome import DeletionOutcome, check_deletion_outcome
from ..types import UNSET, Unset

T = TypeVar("T", bound="Deletion")


@_attrs_define
class Deletion:
    """How a tenant ends.

    Attributes:
        confirm (str): The slug once more
        outcome (DeletionOutcome | Unset): `archived` keeps its final backup without end Default: 'deleted'.
    """

    confirm: str
    outcome: DeletionOutcome | Unset = "deleted"

    def to_dict(self) -> dict[str, Any]:
        confirm = self.confirm

        outcome: str | Unset = UNSET
        if not isinstance(self.outcome, Unset):
            outcome = self.outcome

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "confirm": confirm,
            }
        )
        if outcome is not UNSET:
            field_dict["outcome"] = outcome

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        confirm = d.pop("confirm")

        _outcome = d.pop("outcome", UNSET)
        outcome: DeletionOutcome | Unset
        if isinstance(_outcome, Unset):
            outcome = UNSET
        else:
            outcome = check_deletion_outcome(_outcome)

        deletion = cls(
            confirm=confirm,
            outcome=outcome,
        )

        return deletion
