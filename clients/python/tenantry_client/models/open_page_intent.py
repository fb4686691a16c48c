from typing import Literal

OpenPageIntent = Literal["activity", "configuration", "people"]

OPEN_PAGE_INTENT_VALUES: set[OpenPageIntent] = {
    "activity",
    "configuration",
    "people",
}


def check_open_page_intent(value: str) -> OpenPageIntent:
    if value in OPEN_PAGE_INTENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPEN_PAGE_INTENT_VALUES!r}")
