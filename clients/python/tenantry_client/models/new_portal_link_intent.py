from typing import Literal

NewPortalLinkIntent = Literal["activity", "configuration", "people"]

NEW_PORTAL_LINK_INTENT_VALUES: set[NewPortalLinkIntent] = {
    "activity",
    "configuration",
    "people",
}


def check_new_portal_link_intent(value: str) -> NewPortalLinkIntent:
    if value in NEW_PORTAL_LINK_INTENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {NEW_PORTAL_LINK_INTENT_VALUES!r}")
