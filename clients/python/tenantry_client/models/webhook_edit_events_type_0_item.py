from typing import Literal

WebhookEditEventsType0Item = Literal[
    "backup.done",
    "backup.failed",
    "invitation.accepted",
    "run.cancelled",
    "run.done",
    "run.failed",
    "tenant.created",
    "tenant.state_changed",
]

WEBHOOK_EDIT_EVENTS_TYPE_0_ITEM_VALUES: set[WebhookEditEventsType0Item] = {
    "backup.done",
    "backup.failed",
    "invitation.accepted",
    "run.cancelled",
    "run.done",
    "run.failed",
    "tenant.created",
    "tenant.state_changed",
}


def check_webhook_edit_events_type_0_item(value: str) -> WebhookEditEventsType0Item:
    if value in WEBHOOK_EDIT_EVENTS_TYPE_0_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEBHOOK_EDIT_EVENTS_TYPE_0_ITEM_VALUES!r}")
