from typing import Literal

PortalLinkIntent = Literal["activity", "configuration", "people"]

PORTAL_LINK_INTENT_VALUES: set[PortalLinkIntent] = {
    "activity",
    "configuration",
    "people",
}


def check_portal_link_intent(value: str) -> PortalLinkIntent:
    if value in PORTAL_LINK_INTENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PORTAL_LINK_INTENT_VALUES!r}")
