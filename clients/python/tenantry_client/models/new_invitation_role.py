from typing import Literal

NewInvitationRole = Literal["admin", "member"]

NEW_INVITATION_ROLE_VALUES: set[NewInvitationRole] = {
    "admin",
    "member",
}


def check_new_invitation_role(value: str) -> NewInvitationRole:
    if value in NEW_INVITATION_ROLE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {NEW_INVITATION_ROLE_VALUES!r}")
