from typing import Literal

NewMoveToType0 = Literal["database", "instance", "rls", "schema"]

NEW_MOVE_TO_TYPE_0_VALUES: set[NewMoveToType0] = {
    "database",
    "instance",
    "rls",
    "schema",
}


def check_new_move_to_type_0(value: str) -> NewMoveToType0:
    if value in NEW_MOVE_TO_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {NEW_MOVE_TO_TYPE_0_VALUES!r}")
