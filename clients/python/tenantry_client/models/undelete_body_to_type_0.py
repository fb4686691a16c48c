from typing import Literal

UndeleteBodyToType0 = Literal["active", "suspended"]

UNDELETE_BODY_TO_TYPE_0_VALUES: set[UndeleteBodyToType0] = {
    "active",
    "suspended",
}


def check_undelete_body_to_type_0(value: str) -> UndeleteBodyToType0:
    if value in UNDELETE_BODY_TO_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {UNDELETE_BODY_TO_TYPE_0_VALUES!r}")
