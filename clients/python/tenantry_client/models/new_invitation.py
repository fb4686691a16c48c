from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.new_invitation_role import NewInvitationRole, check_new_invitation_role
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewInvitation")


@_attrs_define
class NewInvitation:
    """Who is invited, and as what.

    Attributes:
        email (str):
        name (str):
        role (NewInvitationRole | Unset):  Default: 'member'.
        inviter (str | Unset): Who invites, as the mail says it; else the application's name Default: ''.
    """

    email: str
    name: str
    role: NewInvitationRole | Unset = "member"
    inviter: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        name = self.name

        role: str | Unset = UNSET
        if not isinstance(self.role, Unset):
            role = self.role

        inviter = self.inviter

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "name": name,
            }
        )
        if role is not UNSET:
            field_dict["role"] = role
        if inviter is not UNSET:
            field_dict["inviter"] = inviter

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        email = d.pop("email")

        name = d.pop("name")

        _role = d.pop("role", UNSET)
        role: NewInvitationRole | Unset
        if isinstance(_role, Unset):
            role = UNSET
        else:
            role = check_new_invitation_role(_role)

        inviter = d.pop("inviter", UNSET)

        new_invitation = cls(
            email=email,
            name=name,
            role=role,
            inviter=inviter,
        )

        return new_invitation
