from typing import Literal

LogExportKindType0 = Literal["done", "read"]

LOG_EXPORT_KIND_TYPE_0_VALUES: set[LogExportKindType0] = {
    "done",
    "read",
}


def check_log_export_kind_type_0(value: str) -> LogExportKindType0:
    if value in LOG_EXPORT_KIND_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOG_EXPORT_KIND_TYPE_0_VALUES!r}")
