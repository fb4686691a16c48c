"""Watches runs to their end, and does the work in this process when no worker lives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from tenantry.clients import runs, workers
from tenantry.errors import TransientError
from tenantry.operations.worker import Worker

LOOK: Final = 0.1  # seconds between two looks at a run that has just begun; rarer the longer it takes, at least one a second
ROLL_CALL: Final = 3.0  # seconds between two looks at who is at work
OUTAGE: Final = 300.0  # seconds without the journal after which watching is given up

Show = Callable[[dict[str, Any], dict[str, Any]], None]


def until_done(run_ids: Sequence[UUID], show: Show, say: Callable[[str], None] = lambda line: None) -> list[dict[str, Any]]:
    """The runs, once all of them have ended, each with its steps. ``show`` gets run and step whenever a step begins, waits or ends.

    Ctrl-C ends the watching: the runs go on with another worker, or with the next one.
    """
    shown: dict[tuple[UUID, int], tuple[str, int]] = {}
    ended: dict[UUID, dict[str, Any]] = {}
    with somebody_at_work(say) as roll_call:
        begun = since = time.monotonic()
        while len(ended) < len(run_ids):
            try:
                found = [runs.read(run_id) for run_id in run_ids if run_id not in ended]
                roll_call()
            except TransientError:
                if time.monotonic() - since > OUTAGE:
                    raise
                time.sleep(1)
                continue
            since = time.monotonic()
            for run in found:
                for step in run["steps"]:
                    key, now = (run["id"], step["number"]), (step["state"], step["attempts"])
                    if shown.get(key) != now:
                        shown[key] = now
                        show(run, step)
                if run["state"] not in runs.OPEN:
                    ended[run["id"]] = run
            time.sleep(min(1.0, LOOK + (since - begun) / 20))
    return [ended[run_id] for run_id in dict.fromkeys(run_ids)]


@contextmanager
def somebody_at_work(say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Becomes a worker when there is none, now or later while it is waited for."""
    own: list[Worker] = []
    last = [0.0]

    def roll_call() -> None:
        if own or time.monotonic() - last[0] < ROLL_CALL:
            return
        last[0] = time.monotonic()
        if not workers.alive():
            worker = Worker(say)
            worker.start()
            own.append(worker)

    try:
        yield roll_call
    finally:
        for worker in own:
            worker.stop()
