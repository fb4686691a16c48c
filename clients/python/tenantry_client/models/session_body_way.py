from typing import Literal

SessionBodyWay = Literal["link", "oidc", "passkey", "password"]

SESSION_BODY_WAY_VALUES: set[SessionBodyWay] = {
    "link",
    "oidc",
    "passkey",
    "password",
}


def check_session_body_way(value: str) -> SessionBodyWay:
    if value in SESSION_BODY_WAY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SESSION_BODY_WAY_VALUES!r}")
