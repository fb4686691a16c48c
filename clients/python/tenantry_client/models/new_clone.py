from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.new_clone_isolation_type_0 import (
    NewCloneIsolationType0,
    check_new_clone_isolation_type_0,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewClone")


@_attrs_define
class NewClone:
    """A clone.

    Attributes:
        slug (str): The clone's
        salt (None | str | Unset): Clones of one tenant with one salt hold the same data
        isolation (NewCloneIsolationType0 | None | Unset): Else the source's
        admin (None | str | Unset): The address of the clone's administrator, who is not invited
    """

    slug: str
    salt: None | str | Unset = UNSET
    isolation: NewCloneIsolationType0 | None | Unset = UNSET
    admin: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        slug = self.slug

        salt: None | str | Unset
        if isinstance(self.salt, Unset):
            salt = UNSET
        else:
            salt = self.salt

        isolation: None | str | Unset
        if isinstance(self.isolation, Unset):
            isolation = UNSET
        elif isinstance(self.isolation, str):
            isolation = self.isolation
        else:
            isolation = self.isolation

        admin: None | str | Unset
        if isinstance(self.admin, Unset):
            admin = UNSET
        else:
            admin = self.admin

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "slug": slug,
            }
        )
        if salt is not UNSET:
            field_dict["salt"] = salt
        if isolation is not UNSET:
            field_dict["isolation"] = isolation
        if admin is not UNSET:
            field_dict["admin"] = admin

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        slug = d.pop("slug")

        def _parse_salt(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        salt = _parse_salt(d.pop("salt", UNSET))

        def _parse_isolation(data: object) -> NewCloneIsolationType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                isolation_type_0 = check_new_clone_isolation_type_0(data)

                return isolation_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(NewCloneIsolationType0 | None | Unset, data)

        isolation = _parse_isolation(d.pop("isolation", UNSET))

        def _parse_admin(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        admin = _parse_admin(d.pop("admin", UNSET))

        new_clone = cls(
            slug=slug,
            salt=salt,
            isolation=isolation,
            admin=admin,
        )

        return new_clone
