from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewRollOut")


@_attrs_define
class NewRollOut:
    """How a roll-out goes.

    Attributes:
        slugs (list[str] | Unset):
        ring (str | Unset): The tenants with this label `ring` go first Default: 'canary'.
        canary (int | None | Unset): So many tenants go first, drawn for the revision, in place of the ring
        parallel (int | Unset): Tenants at one time Default: 4.
        budget (int | Unset): It goes on until more than so many have failed; in the first ring none may Default: 0.
        lock_timeout (float | Unset): Seconds to wait for a lock Default: 3.0.
    """

    slugs: list[str] | Unset = UNSET
    ring: str | Unset = "canary"
    canary: int | None | Unset = UNSET
    parallel: int | Unset = 4
    budget: int | Unset = 0
    lock_timeout: float | Unset = 3.0

    def to_dict(self) -> dict[str, Any]:
        slugs: list[str] | Unset = UNSET
        if not isinstance(self.slugs, Unset):
            slugs = self.slugs

        ring = self.ring

        canary: int | None | Unset
        if isinstance(self.canary, Unset):
            canary = UNSET
        else:
            canary = self.canary

        parallel = self.parallel

        budget = self.budget

        lock_timeout = self.lock_timeout

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if slugs is not UNSET:
            field_dict["slugs"] = slugs
        if ring is not UNSET:
            field_dict["ring"] = ring
        if canary is not UNSET:
            field_dict["canary"] = canary
        if parallel is not UNSET:
            field_dict["parallel"] = parallel
        if budget is not UNSET:
            field_dict["budget"] = budget
        if lock_timeout is not UNSET:
            field_dict["lock_timeout"] = lock_timeout

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        slugs = cast(list[str], d.pop("slugs", UNSET))

        ring = d.pop("ring", UNSET)

        def _parse_canary(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        canary = _parse_canary(d.pop("canary", UNSET))

        parallel = d.pop("parallel", UNSET)

        budget = d.pop("budget", UNSET)

        lock_timeout = d.pop("lock_timeout", UNSET)

        new_roll_out = cls(
            slugs=slugs,
            ring=ring,
            canary=canary,
            parallel=parallel,
            budget=budget,
            lock_timeout=lock_timeout,
        )

        return new_roll_out
