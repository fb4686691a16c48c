from typing import Literal

TenantsListedStateType0 = Literal["active", "archived", "deleted", "offboarding", "provisioning", "suspended"]

TENANTS_LISTED_STATE_TYPE_0_VALUES: set[TenantsListedStateType0] = {
    "active",
    "archived",
    "deleted",
    "offboarding",
    "provisioning",
    "suspended",
}


def check_tenants_listed_state_type_0(value: str) -> TenantsListedStateType0:
    if value in TENANTS_LISTED_STATE_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TENANTS_LISTED_STATE_TYPE_0_VALUES!r}")
