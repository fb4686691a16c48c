from typing import Literal

OffboardBodyThenType0 = Literal["archive", "delete"]

OFFBOARD_BODY_THEN_TYPE_0_VALUES: set[OffboardBodyThenType0] = {
    "archive",
    "delete",
}


def check_offboard_body_then_type_0(value: str) -> OffboardBodyThenType0:
    if value in OFFBOARD_BODY_THEN_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OFFBOARD_BODY_THEN_TYPE_0_VALUES!r}")
