from typing import Literal

LogListedKindType0 = Literal["done", "read"]

LOG_LISTED_KIND_TYPE_0_VALUES: set[LogListedKindType0] = {
    "done",
    "read",
}


def check_log_listed_kind_type_0(value: str) -> LogListedKindType0:
    if value in LOG_LISTED_KIND_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOG_LISTED_KIND_TYPE_0_VALUES!r}")
