from typing import Literal

NewWebhookEventsItem = Literal[
    "backup.done",
    "backup.failed",
    "invitation.accepted",
    "run.cancelled",
    "run.done",
    "run.failed",
    "tenant.created",
    "tenant.state_changed",
]

NEW_WEBHOOK_EVENTS_ITEM_VALUES: set[NewWebhookEventsItem] = {
    "backup.done",
    "backup.failed",
    "invitation.accepted",
    "run.cancelled",
    "run.done",
    "run.failed",
    "tenant.created",
    "tenant.state_changed",
}


def check_new_webhook_events_item(value: str) -> NewWebhookEventsItem:
    if value in NEW_WEBHOOK_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {NEW_WEBHOOK_EVENTS_ITEM_VALUES!r}")
