"""What PostgreSQL tells a session that listens."""

from __future__ import annotations

import selectors
from typing import Any

import psycopg


def received(connection: psycopg.Connection[Any], seconds: float) -> tuple[bool, list[bytes]]:
    """Whether the server sent anything within that time, and the payloads of the notifications that have come."""
    with selectors.DefaultSelector() as waiting:  # select() itself takes no descriptor above 1023
        waiting.register(connection, selectors.EVENT_READ)
        readable = waiting.select(seconds)
    if readable:
        connection.pgconn.consume_input()  # raises when the server is gone
    payloads = []
    while (notify := connection.pgconn.notifies()) is not None:
        payloads.append(notify.extra)
    return bool(readable), payloads
