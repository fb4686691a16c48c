from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.new_move_to_type_0 import NewMoveToType0, check_new_move_to_type_0
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewMove")


@_attrs_define
class NewMove:
    """A move.

    Attributes:
        to (NewMoveToType0 | None | Unset):
        cell (None | str | Unset):
        keep_seconds (int | Unset): How long a rollback is possible Default: 604800.
    """

    to: NewMoveToType0 | None | Unset = UNSET
    cell: None | str | Unset = UNSET
    keep_seconds: int | Unset = 604800

    def to_dict(self) -> dict[str, Any]:
        to: None | str | Unset
        if isinstance(self.to, Unset):
            to = UNSET
        elif isinstance(self.to, str):
            to = self.to
        else:
            to = self.to

        cell: None | str | Unset
        if isinstance(self.cell, Unset):
            cell = UNSET
        else:
            cell = self.cell

        keep_seconds = self.keep_seconds

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if to is not UNSET:
            field_dict["to"] = to
        if cell is not UNSET:
            field_dict["cell"] = cell
        if keep_seconds is not UNSET:
            field_dict["keep_seconds"] = keep_seconds

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_to(data: object) -> NewMoveToType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                to_type_0 = check_new_move_to_type_0(data)

                return to_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(NewMoveToType0 | None | Unset, data)

        to = _parse_to(d.pop("to", UNSET))

        def _parse_cell(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        cell = _parse_cell(d.pop("cell", UNSET))

        keep_seconds = d.pop("keep_seconds", UNSET)

        new_move = cls(
            to=to,
            cell=cell,
            keep_seconds=keep_seconds,
        )

        return new_move
