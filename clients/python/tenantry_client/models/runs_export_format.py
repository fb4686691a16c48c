from typing import Literal

RunsExportFormat = Literal["csv", "jsonl"]

RUNS_EXPORT_FORMAT_VALUES: set[RunsExportFormat] = {
    "csv",
    "jsonl",
}


def check_runs_export_format(value: str) -> RunsExportFormat:
    if value in RUNS_EXPORT_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUNS_EXPORT_FORMAT_VALUES!r}")
