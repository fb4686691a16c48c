from typing import Literal

RunsExportStateType0 = Literal["cancelled", "done", "failed", "queued", "running"]

RUNS_EXPORT_STATE_TYPE_0_VALUES: set[RunsExportStateType0] = {
    "cancelled",
    "done",
    "failed",
    "queued",
    "running",
}


def check_runs_export_state_type_0(value: str) -> RunsExportStateType0:
    if value in RUNS_EXPORT_STATE_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUNS_EXPORT_STATE_TYPE_0_VALUES!r}")
