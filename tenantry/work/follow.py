"""Watches runs to their end, and does the work in this process when no worker lives."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from uuid import UUID

from tenantry import waiting
from tenantry.control import runs, workers
from tenantry.errors import TransientError
from tenantry.work.worker import Worker

LOOK: Final = 0.1  # seconds between two looks at a run that has just begun; rarer the longer it takes, at least one a second
ROLL_CALL: Final = 3.0  # seconds between two looks at who is at work
SEARCH: Final = 5.0  # seconds for which other workers may look whether they have the files of a run
OUTAGE: Final = 300.0  # seconds without the journal after which watching is given up

T = TypeVar("T")

Show = Callable[[dict[str, Any], dict[str, Any]], None]
Meet = Callable[[dict[str, Any]], None]
Hear = Callable[[dict[str, Any], dict[str, Any]], None]


def until_done(
    run_ids: Sequence[UUID],
    show: Show,
    say: Callable[[str], None] = lambda line: None,
    meet: Meet = lambda run: None,
    hear: Hear = lambda run, asker: None,
) -> list[dict[str, Any]]:
    """The runs, once all of them have ended, each with its steps. ``show`` gets run and step whenever a step begins, waits or ends.

    What was before the watching began is no news: ``meet`` gets each run as it was then, once, and ``show`` nothing of it. ``hear`` gets
    a run and who joined it since (see ``runs.read``).
    Ctrl-C ends the watching, by ``KeyboardInterrupt``: the runs go on with another worker, or with the next one.
    """
    shown: dict[tuple[UUID, int], tuple[str, int]] = {}
    met: dict[UUID, int] = {}
    ended: dict[UUID, dict[str, Any]] = {}
    waited = dict.fromkeys(run_ids)  # asked for twice, waited for once
    at_work: dict[UUID, str] = {}
    with (
        worker_at_work(say, run_ids) as ensured,
        waiting.on(lambda: ", ".join(at_work[run_id] for run_id in waited if run_id not in ended)),
    ):
        begun = time.monotonic()
        while len(ended) < len(waited):
            for run in patient_look(lambda: [runs.read(run_id) for run_id in waited if run_id not in ended], ensured.roll_call):
                if run["id"] not in met:
                    met[run["id"]] = len(run["askers"])
                    # A step that has failed is of an earlier attempt where the run goes on.
                    over = ("done", "skipped", "failed") if run["state"] in runs.OPEN else ("done", "skipped")
                    earlier = [step for step in run["steps"] if step["state"] in over]
                    shown |= {(run["id"], step["number"]): (step["state"], step["attempts"]) for step in earlier}
                    meet(run)
                for asker in run["askers"][met[run["id"]] :]:
                    hear(run, asker)
                met[run["id"]] = len(run["askers"])
                for step in run["steps"]:
                    key, now = (run["id"], step["number"]), (step["state"], step["attempts"])
                    if shown.get(key) != now:
                        shown[key] = now
                        show(run, step)
                at_work[run["id"]] = _told(run)
                if run["state"] == "queued" and run["returned_since"] is not None:
                    ensured.take_over()
                if run["state"] not in runs.OPEN:
                    ended[run["id"]] = run
            if len(ended) < len(waited):
                ensured.wait(min(1.0, LOOK + (time.monotonic() - begun) / 20))
    return [ended[run_id] for run_id in waited]


def _told(run: dict[str, Any]) -> str:
    """What a run is at, as a noun."""
    now = next((step["name"] for step in run["steps"] if step["state"] in ("running", "waiting")), None)
    return f"{run['kind']} of {run['subject']}" + (f", step {now}" if now else ", which no worker has begun")


def patient_look(look: Callable[[], T], roll_call: Callable[[], None]) -> T:
    """What ``look`` finds, once the journal answers and it is seen to that someone is at work; an outage is waited for."""
    since = time.monotonic()
    while True:
        try:
            found = look()
            roll_call()
            return found
        except TransientError:
            if time.monotonic() - since > OUTAGE:
                raise
            time.sleep(1)


class EnsuredWorker:
    """Whoever does the work: another worker, or from the moment when there is none this process."""

    def __init__(self, say: Callable[[str], None], asked: Collection[UUID] = ()) -> None:
        self._say, self._asked, self._last = say, asked, 0.0
        self._own: Worker | None = None
        self._given_back: float | None = None

    def roll_call(self) -> None:
        """Becomes a worker when there is none. ``OlderProgram`` once the platform was upgraded under it: another has to go on."""
        if self._own and self._own.older is not None:
            raise self._own.older
        if self._own or time.monotonic() - self._last < ROLL_CALL:
            return
        self._last = time.monotonic()
        if not workers.alive():
            self._become_worker()

    def take_over(self) -> None:
        """Becomes a worker although there are some, when none of them has had the files of what was asked for here: this process has."""
        self._given_back = self._given_back or time.monotonic()
        if not self._own and time.monotonic() - self._given_back > SEARCH:
            self._become_worker()

    def _become_worker(self) -> None:
        worker = Worker(self._say, asked=self._asked)
        worker.start()
        self._own = worker

    def wait(self, seconds: float) -> None:
        """Before the next look: so long, or until a run has ended here."""
        self._own.wait(seconds) if self._own else time.sleep(seconds)

    def interrupted(self) -> None:
        """Says what ``stop`` waits for. From now on Ctrl-C ends the process at once, where Python would wait for its threads."""
        if self._own and self._own.in_hand:
            self._say("interrupted: what is in hand is finished first, in 10 minutes at most; Ctrl-C again leaves it to the next worker")
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    def stop(self) -> None:
        """Is no worker any more, once what is in hand has ended."""
        if self._own:
            self._own.stop()

    def leave(self) -> None:
        """The same as soon as what is in hand can be left: what was waited for has ended, and other runs go on with another worker."""
        if self._own:
            if self._own.in_hand:
                self._say("done; other runs that began here are left to the next worker when the step that they are in has ended")
            self._own.leave()


@contextmanager
def worker_at_work(say: Callable[[str], None], asked: Collection[UUID] = ()) -> Iterator[EnsuredWorker]:
    """Sees to it that there is a worker, now and later while work is waited for. ``asked``: the runs that are waited for."""
    ensured = EnsuredWorker(say, asked)
    try:
        yield ensured
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            ensured.interrupted()
        ensured.stop()
        raise
    ensured.leave()
