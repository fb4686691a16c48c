from typing import Literal

LogExportFormat = Literal["csv", "jsonl"]

LOG_EXPORT_FORMAT_VALUES: set[LogExportFormat] = {
    "csv",
    "jsonl",
}


def check_log_export_format(value: str) -> LogExportFormat:
    if value in LOG_EXPORT_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOG_EXPORT_FORMAT_VALUES!r}")
