from typing import Literal

AcceptedRole = Literal["admin", "member"]

ACCEPTED_ROLE_VALUES: set[AcceptedRole] = {
    "admin",
    "member",
}


def check_accepted_role(value: str) -> AcceptedRole:
    if value in ACCEPTED_ROLE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ACCEPTED_ROLE_VALUES!r}")
