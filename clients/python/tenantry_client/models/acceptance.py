from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.acceptance_profile import AcceptanceProfile


T = TypeVar("T", bound="Acceptance")


@_attrs_define
class Acceptance:
    """A code that somebody has brought.

    Attributes:
        code (str): The last part of the invitation's link
        host (None | str | Unset): Where it was brought to: one of the tenant's host names
        name (None | str | Unset): As the person wants to be called
        profile (AcceptanceProfile | Unset): An object of the application's own
    """

    code: str
    host: None | str | Unset = UNSET
    name: None | str | Unset = UNSET
    profile: AcceptanceProfile | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        host: None | str | Unset
        if isinstance(self.host, Unset):
            host = UNSET
        else:
            host = self.host

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        profile: dict[str, Any] | Unset = UNSET
        if not isinstance(self.profile, Unset):
            profile = self.profile.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "code": code,
            }
        )
        if host is not UNSET:
            field_dict["host"] = host
        if name is not UNSET:
            field_dict["name"] = name
        if profile is not UNSET:
            field_dict["profile"] = profile

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.acceptance_profile import AcceptanceProfile

        d = dict(src_dict)
        code = d.pop("code")

        def _parse_host(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        host = _parse_host(d.pop("host", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        _profile = d.pop("profile", UNSET)
        profile: AcceptanceProfile | Unset
        if isinstance(_profile, Unset):
            profile = UNSET
        else:
            profile = AcceptanceProfile.from_dict(_profile)

        acceptance = cls(
            code=code,
            host=host,
            name=name,
            profile=profile,
        )

        return acceptance
