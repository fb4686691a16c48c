from typing import Literal

LogExportOfTenantFormat = Literal["csv", "jsonl"]

LOG_EXPORT_OF_TENANT_FORMAT_VALUES: set[LogExportOfTenantFormat] = {
    "csv",
    "jsonl",
}


def check_log_export_of_tenant_format(value: str) -> LogExportOfTenantFormat:
    if value in LOG_EXPORT_OF_TENANT_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOG_EXPORT_OF_TENANT_FORMAT_VALUES!r}")
