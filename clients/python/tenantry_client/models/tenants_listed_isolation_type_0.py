from typing import Literal

TenantsListedIsolationType0 = Literal["database", "instance", "rls", "schema"]

TENANTS_LISTED_ISOLATION_TYPE_0_VALUES: set[TenantsListedIsolationType0] = {
    "database",
    "instance",
    "rls",
    "schema",
}


def check_tenants_listed_isolation_type_0(value: str) -> TenantsListedIsolationType0:
    if value in TENANTS_LISTED_ISOLATION_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TENANTS_LISTED_ISOLATION_TYPE_0_VALUES!r}")
