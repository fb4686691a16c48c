from typing import Literal

MovesPlanToType0 = Literal["database", "instance", "rls", "schema"]

MOVES_PLAN_TO_TYPE_0_VALUES: set[MovesPlanToType0] = {
    "database",
    "instance",
    "rls",
    "schema",
}


def check_moves_plan_to_type_0(value: str) -> MovesPlanToType0:
    if value in MOVES_PLAN_TO_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {MOVES_PLAN_TO_TYPE_0_VALUES!r}")
