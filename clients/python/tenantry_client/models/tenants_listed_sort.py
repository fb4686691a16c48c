from typing import Literal

TenantsListedSort = Literal["-created_at", "-slug", "-updated_at", "created_at", "slug", "updated_at"]

TENANTS_LISTED_SORT_VALUES: set[TenantsListedSort] = {
    "-created_at",
    "-slug",
    "-updated_at",
    "created_at",
    "slug",
    "updated_at",
}


def check_tenants_listed_sort(value: str) -> TenantsListedSort:
    if value in TENANTS_LISTED_SORT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TENANTS_LISTED_SORT_VALUES!r}")
