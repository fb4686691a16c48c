from typing import Literal

UserEntryRole = Literal["admin", "member"]

USER_ENTRY_ROLE_VALUES: set[UserEntryRole] = {
    "admin",
    "member",
}


def check_user_entry_role(value: str) -> UserEntryRole:
    if value in USER_ENTRY_ROLE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {USER_ENTRY_ROLE_VALUES!r}")
