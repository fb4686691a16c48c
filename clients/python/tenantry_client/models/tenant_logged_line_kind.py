from typing import Literal

TenantLoggedLineKind = Literal["done", "read"]

TENANT_LOGGED_LINE_KIND_VALUES: set[TenantLoggedLineKind] = {
    "done",
    "read",
}


def check_tenant_logged_line_kind(value: str) -> TenantLoggedLineKind:
    if value in TENANT_LOGGED_LINE_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TENANT_LOGGED_LINE_KIND_VALUES!r}")
