from typing import Literal

WebhooksDeliveriesStateType0 = Literal["delivered", "failed", "queued", "skipped", "withheld"]

WEBHOOKS_DELIVERIES_STATE_TYPE_0_VALUES: set[WebhooksDeliveriesStateType0] = {
    "delivered",
    "failed",
    "queued",
    "skipped",
    "withheld",
}


def check_webhooks_deliveries_state_type_0(value: str) -> WebhooksDeliveriesStateType0:
    if value in WEBHOOKS_DELIVERIES_STATE_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEBHOOKS_DELIVERIES_STATE_TYPE_0_VALUES!r}")
