"""A worker: takes runs from the queue, shows that it lives, and sees to it that the runs of dead workers are taken on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from tenantry import preload
from tenantry.control import program_age, runs, workers
from tenantry.control.database import transaction
from tenantry.errors import OlderProgram, TransientError
from tenantry.stores import program_door
from tenantry.sweep import explained, over
from tenantry.work import queue
from tenantry.work.perform import LetGo, perform
from tenantry.work.tasks import queues, schedule

SWEEP = 3  # beats between two looks for work that nobody has


class Worker:
    """One process's worker. `tenantry worker` runs one for ever; a command that finds no worker runs one until its own run has ended."""

    def __init__(
        self,
        say: Callable[[str], None] = lambda line: None,
        *,
        schedules: bool = False,
        asked: Collection[UUID] = (),
        outdated: Callable[[], None] = lambda: None,
    ) -> None:
        """``schedules``: a standing worker, which also begins the slots of scheduled tasks. ``asked``: the runs that a command waits for
        whose process this is. ``outdated`` is called once ``self.older`` says that the platform was brought further than this program
        knows: no run begins here from then on."""
        self.id = workers.new_id()
        self._say, self._schedules, self._asked, self._outdated = say, schedules, frozenset(asked), outdated
        self.older: OlderProgram | None = None
        self._closing, self._leaving, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._idle, self._in_hand, self._done, self._heard = threading.Condition(), 0, 0, 0
        self._held: set[str] = set()
        self._astray: set[str] = set()
        self._seen: dict[str, tuple[Any, float]] = {}
        self._heart = threading.Thread(target=self._beat, name="heart", daemon=True)

    def start(self) -> None:
        """Begins to take runs; returns at once. ``OlderProgram`` where the platform is newer than this program, ``WorkError`` while it is
        older."""
        program_door.enter()
        with transaction() as connection:
            program_age.require_upgraded(connection)
        preload.everything()
        from dbos import DBOS

        queue.register_queue()

        @DBOS.workflow(name=queue.WORKFLOW)
        def run(run_id: str) -> None:
            with self._in_hands():
                perform(UUID(run_id), self.id, self._leaving, self._asked)

        schedule.declare(self.id, self._in_hands)
        workers.beat(self.id)  # nothing that is set wrongly comes after this
        DBOS(
            config={
                "name": queue.APPLICATION,
                "system_database_url": queue.system_url(),
                "application_version": queue.VERSION,
                "executor_id": self.id,
                "console_log_level": "ERROR",
                "log_level": "ERROR",
                "run_migrations": False,
            }
        )
        DBOS.listen_queues([queue.QUEUE, queues.RUNS, *([queues.SLOTS] if self._schedules else [])])
        DBOS.launch()
        if self._schedules:
            schedule.begin()
        self._recover()
        self._heart.start()

    def stop(self, patience: float = 600) -> None:
        """Takes no more runs, and waits up to ``patience`` seconds for those in hand. What is not done then goes on with another worker."""
        from dbos import DBOS

        self._closing.set()
        with self._idle:
            self._idle.wait_for(lambda: self._in_hand == 0, timeout=patience)
        self._ended.set()
        self._heart.join(timeout=workers.BEAT * 2)  # it looks through DBOS for the dead
        DBOS.destroy(destroy_registry=True)
        workers.leave(self.id)

    def leave(self) -> None:
        """The same, but a run in hand goes on elsewhere as soon as it ends a step, or waits for another attempt of one."""
        self._leaving.set()
        self.stop()

    def wait(self, seconds: float) -> None:
        """Until a run in hand has ended that this was not told of before, so long at most."""
        with self._idle:
            self._idle.wait_for(lambda: self._done > self._heard, timeout=seconds)
            self._heard = self._done

    @property
    def in_hand(self) -> int:
        """Runs that have begun here and not ended."""
        return self._in_hand

    @contextmanager
    def _in_hands(self) -> Iterator[None]:
        """Around every workflow: closing waits for those that have begun, and begins no other."""
        from dbos import DBOS

        if self._closing.is_set() or self._too_old():
            raise LetGo  # taken from the queue as we closed; whoever looks next finds that its worker is no more
        workflow = str(DBOS.workflow_id)
        with self._idle:
            self._in_hand += 1
            self._held.add(workflow)
        try:
            yield
        finally:
            with self._idle:
                self._in_hand -= 1
                self._held.discard(workflow)
                self._done += 1
                self._idle.notify_all()

    def _too_old(self) -> bool:
        """Whether the platform was upgraded under this worker. Whoever is told so ends it: its runs go to one of the new release."""
        if self.older is None:
            try:
                program_door.enter()
            except OlderProgram as error:
                self.older = error
                self._closing.set()
                self._leaving.set()
                self._outdated()
            except TransientError:
                return False  # the run waits for the server as well
        return self.older is not None

    def _beat(self) -> None:
        count = 0
        while not self._ended.wait(workers.BEAT):
            try:
                workers.beat(self.id)
                count += 1
                if count % SWEEP == 0 and not self._too_old():
                    self._recover()
                    self._mend()
            except Exception as error:
                # Whatever it is: a worker that gives no more signs of life while it works would be taken for dead.
                self._say(f"no sign of life could be given: {explained(error)[0]}")
                self._seen.clear()  # while we saw nothing, the others may have been as blind as we were

    def _recover(self) -> None:
        """Gives the runs of workers that are no more back to the queue."""
        from dbos import DBOS

        others = workers.others(self.id)
        dead = [worker.id for worker in others if self._dead(worker)]
        listed = {self.id, *(worker.id for worker in others)}
        holders = {str(status.executor_id) for status in DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)}
        self._take_up()
        gone = [holder for holder in holders if holder in dead or holder not in listed]
        if gone:
            DBOS._recover_pending_workflows(gone)
            self._say(f"taking on the runs of {', '.join(gone)}")
        for worker in dead:
            workers.leave(worker)

    def _take_up(self) -> None:
        """Gives back to the queue what it thinks that we have, and we never got.

        A server that goes away as it commits a taking from the queue has done it, and DBOS hears of an error and begins nothing. As long as
        this worker lived nobody would: neither on that run nor on any other of its stack. Seen twice, because between the taking and our
        beginning there is a moment.
        """
        from dbos import DBOS
        from dbos._dbos import _get_dbos_instance  # as _recover_pending_workflows, which knows whole workers only
        from dbos._utils import INTERNAL_QUEUE_NAME

        ours = DBOS.list_workflows(status="PENDING", executor_id=self.id, load_input=False, load_output=False)
        with self._idle:
            astray = {status.workflow_id for status in ours} - self._held
        for workflow in astray & self._astray:
            if _get_dbos_instance()._sys_db.reenqueue_for_recovery(workflow, [self.id], INTERNAL_QUEUE_NAME):
                self._say("taking on a run that the queue had given away to nobody")
        self._astray = astray

    def _dead(self, worker: workers.Worker) -> bool:
        """Not seen for a lease, all of which we did look on: after an outage of the database everybody gets a whole lease to return."""
        if worker.gone:
            return True
        now = time.monotonic()
        seen_at, since = self._seen.get(worker.id, (None, now))
        if seen_at != worker.seen_at:
            since = now
        self._seen[worker.id] = (worker.seen_at, since)
        return now - since > workers.LEASE

    def _mend(self) -> None:
        """Ends in the journal what has ended in the queue without a word."""

        def give_up() -> None:
            over(runs.abandoned(), lambda row: runs.abandon(row["id"])).refuse("giving up runs", lambda row: str(row["id"]))

        chores: list[Callable[[], None]] = [give_up, schedule.mend]
        if self._schedules:
            chores.append(schedule.catch_up)
        # A chore that fails is tried again at the next look; another one's turn it does not take.
        for _, error in over(chores, lambda chore: chore()).failed:
            self._say(f"to be tried again: {error.message}")
