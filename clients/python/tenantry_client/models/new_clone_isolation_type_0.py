from typing import Literal

NewCloneIsolationType0 = Literal["database", "instance", "rls", "schema"]

NEW_CLONE_ISOLATION_TYPE_0_VALUES: set[NewCloneIsolationType0] = {
    "database",
    "instance",
    "rls",
    "schema",
}


def check_new_clone_isolation_type_0(value: str) -> NewCloneIsolationType0:
    if value in NEW_CLONE_ISOLATION_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {NEW_CLONE_ISOLATION_TYPE_0_VALUES!r}")
