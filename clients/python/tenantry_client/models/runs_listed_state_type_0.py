from typing import Literal

RunsListedStateType0 = Literal["cancelled", "done", "failed", "queued", "running"]

RUNS_LISTED_STATE_TYPE_0_VALUES: set[RunsListedStateType0] = {
    "cancelled",
    "done",
    "failed",
    "queued",
    "running",
}


def check_runs_listed_state_type_0(value: str) -> RunsListedStateType0:
    if value in RUNS_LISTED_STATE_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUNS_LISTED_STATE_TYPE_0_VALUES!r}")
