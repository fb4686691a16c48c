from typing import Literal

SessionBodyRole = Literal["admin", "member", "platform"]

SESSION_BODY_ROLE_VALUES: set[SessionBodyRole] = {
    "admin",
    "member",
    "platform",
}


def check_session_body_role(value: str) -> SessionBodyRole:
    if value in SESSION_BODY_ROLE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SESSION_BODY_ROLE_VALUES!r}")
