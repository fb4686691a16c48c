from typing import Literal

LoggedLineKind = Literal["done", "read"]

LOGGED_LINE_KIND_VALUES: set[LoggedLineKind] = {
    "done",
    "read",
}


def check_logged_line_kind(value: str) -> LoggedLineKind:
    if value in LOGGED_LINE_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOGGED_LINE_KIND_VALUES!r}")
