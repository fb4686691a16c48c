"""Sends what is due at endpoints of webhooks, beside a worker's runs: many at once, each within its time, none in another's way.

An endpoint is claimed for one request, in a transaction that ends before the request begins. Whatever becomes of this process, the claim
is over after a minute, and the same event goes out again under the same id. So a receiver has everything at least once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final, Self

from standardwebhooks import Webhook

from tenantry.clients import outbound
from tenantry.clients.outbound import Outcome
from tenantry.control import webhook_deliveries
from tenantry.control.webhook_deliveries import Claimed
from tenantry.sweep import explained

SLOTS: Final = 16
"""Requests of one process at a time."""
BEAT: Final = 1.0
"""Seconds between two looks for what is due, where there was nothing."""
_LONGEST: Final = 30.0  # seconds between two looks while PostgreSQL is away

Post = Callable[..., Outcome]


class Sender:
    """One process's sender, as a context: it begins to send, and ends with the requests that are under way."""

    def __init__(self, say: Callable[[str], None] = lambda line: None, *, post: Post = outbound.post) -> None:
        self._say, self._post = say, post
        self._ending, self._free = threading.Event(), threading.Semaphore(SLOTS)
        self._more = threading.Event()
        self._threads = ThreadPoolExecutor(SLOTS, thread_name_prefix="webhook")
        self._loop = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def __enter__(self) -> Self:
        self._loop.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._more.set()
        self._loop.join()
        self._threads.shutdown(wait=True)

    def _run(self) -> None:
        pause = BEAT
        while not self._ending.is_set():
            self._more.clear()
            try:
                while webhook_deliveries.divide() == webhook_deliveries.BATCH and not self._ending.is_set():
                    pass
                self._begin_all()
                pause = BEAT
            except Exception as error:
                # Whatever it is: what is due stays due, and a worker that stopped to send would not be noticed.
                self._say(f"webhooks wait: {explained(error)[0]}")
                pause = min(pause * 2, _LONGEST)
            self._more.wait(pause)

    def _begin_all(self) -> None:
        """Begins every request that is due, as far as there is room."""
        while not self._ending.is_set() and self._free.acquire(blocking=False):
            try:
                claimed = webhook_deliveries.claim()
            except BaseException:
                self._free.release()
                raise
            if claimed is None:
                self._free.release()
                return
            self._threads.submit(self._attempt, claimed)

    def _attempt(self, claimed: Claimed) -> None:
        try:
            outcome = attempt(claimed, self._post)
            webhook_deliveries.settle(claimed, outcome.status, outcome.cause, outcome.retry_after)
        except Exception as error:
            # Its claim ends by itself; then it is tried again.
            self._say(f"webhook {claimed.endpoint}: {explained(error)[0]}")
        finally:
            self._free.release()
            self._more.set()


def attempt(claimed: Claimed, post: Post = outbound.post) -> Outcome:
    """One request, signed now with every secret that is in force."""
    text, now = body(claimed), datetime.now(UTC)
    identifier = str(claimed.event)
    headers = {
        "content-type": "application/json",
        "user-agent": "Tenantry",
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(identifier, now, text) for secret in claimed.secrets),
    }
    return post(claimed.url, headers, text.encode())


def body(claimed: Claimed) -> str:
    """What is sent: the same each time."""
    told = {
        "type": claimed.type,
        "timestamp": claimed.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "sequence": claimed.sequence,
        "tenant": {"id": str(claimed.tenant), "slug": claimed.slug} if claimed.tenant else None,
        "data": dict(claimed.data),
    }
    return json.dumps(told, separators=(",", ":"))
