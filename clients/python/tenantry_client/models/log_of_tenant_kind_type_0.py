from typing import Literal

LogOfTenantKindType0 = Literal["done", "read"]

LOG_OF_TENANT_KIND_TYPE_0_VALUES: set[LogOfTenantKindType0] = {
    "done",
    "read",
}


def check_log_of_tenant_kind_type_0(value: str) -> LogOfTenantKindType0:
    if value in LOG_OF_TENANT_KIND_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOG_OF_TENANT_KIND_TYPE_0_VALUES!r}")
