from typing import Literal

LogExportOfTenantKindType0 = Literal["done", "read"]

LOG_EXPORT_OF_TENANT_KIND_TYPE_0_VALUES: set[LogExportOfTenantKindType0] = {
    "done",
    "read",
}


def check_log_export_of_tenant_kind_type_0(value: str) -> LogExportOfTenantKindType0:
    if value in LOG_EXPORT_OF_TENANT_KIND_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOG_EXPORT_OF_TENANT_KIND_TYPE_0_VALUES!r}")
