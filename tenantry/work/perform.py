"""Does a run: one step after the other, journalled, tried again where the cause passes, ended with a cause that people understand."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from threading import Event
from typing import Final, TypeVar
from uuid import UUID

import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from tenantry.control import runs, runs_at_work, workers
from tenantry.errors import OlderProgram, TenantryError, TransientError
from tenantry.postgres.server import passes
from tenantry.sweep import explained
from tenantry.work import queue
from tenantry.work.catalogue import kinds
from tenantry.work.step import Log, OtherFiles, Parts, Run, Step

T = TypeVar("T")

SEARCH: Final = timedelta(minutes=10)
"""How long a worker is looked for that has the files of a run."""


class StepFailed(Exception):
    """What DBOS gets to see of a failure: whether it passes. The cause is in the journal, so that no text is kept twice."""

    def __init__(self, passing: bool) -> None:
        super().__init__(passing)
        self.passing = passing


class GivenBack(Exception):
    """What DBOS gets to see of a run whose files another worker has."""


class LetGo(BaseException):
    """Leaves a workflow without an outcome: it goes on elsewhere. No ``Exception``, because DBOS would record that as the outcome."""


def perform(run_id: UUID, worker: str, leaving: Event | None = None, asked_here: Collection[UUID] = ()) -> None:
    """The workflow, called by DBOS on a thread of the worker: again from its beginning after a crash, with what is done skipped.

    Once ``leaving`` is set the run is let go between two steps, and where it waits for another attempt. ``asked_here``: the runs that this
    process was started for.
    """
    leaving = leaving or Event()
    row = patiently(lambda: runs_at_work.claim(run_id, worker))
    if row is None:
        return
    run = Run.of(row, worker)
    number = 1
    try:
        for step in kinds()[run.kind].steps(run):
            if leaving.is_set():
                raise LetGo
            _do(run, step, number, leaving)
            number += len(step.names) if isinstance(step, Parts) else 1
    except GivenBack:
        _hand_on(run, number, alone=run.id in asked_here)
        return
    except Exception as failure:
        error = failure
        _let_go_if_not_ours(error)
        cause, hint = patiently(lambda: _give_up(run, number, error))
        patiently(lambda: runs_at_work.finish(run.id, worker, "failed", cause, hint))
        return
    patiently(lambda: runs_at_work.finish(run.id, worker, "done"))


def _do(run: Run, step: Step | Parts, number: int, leaving: Event) -> None:
    from dbos import DBOS

    # Attempts are ours to count: DBOS sleeps between two, and nobody could leave before that has ended.
    DBOS.run_step({"name": f"{run.kind} {number}", "retries_allowed": False}, _attempts, run, step, number, leaving)


def _attempts(run: Run, step: Step | Parts, number: int, leaving: Event) -> None:
    patience = step.patience
    for count in range(1, patience.attempts + 1):
        try:
            _attempt(run, step, number, last=count == patience.attempts)
            return
        except StepFailed as failure:
            if not failure.passing or count == patience.attempts:
                raise
        if leaving.wait(patience.first_wait * 2.0 ** (count - 1)):
            raise LetGo


def _attempt(run: Run, step: Step | Parts, number: int, *, last: bool) -> None:
    log = Log(run, step.names if isinstance(step, Parts) else (step.name,), number)
    try:
        if isinstance(step, Parts):
            if log.ended_before():
                return
            step.work(run, log)
            log.end_all()
        elif runs_at_work.begin_step(run.id, run.worker, number, step.name):
            log.end(step.name, step.work(run))
        else:
            return
        if run.returned:
            runs_at_work.keep(run.id, run.worker)
    except (OtherFiles, OlderProgram) as error:
        given_back = error
        patiently(lambda: log.fail("waiting", given_back.message, given_back.hint))
        raise GivenBack from error
    except Exception as error:
        _let_go_if_not_ours(error)
        again = passes(error) and not last
        cause, hint = explained(error)
        try:
            log.fail("waiting" if again else "failed", cause, hint)
        except (TenantryError, psycopg.Error) as unwritten:
            _let_go_if_not_ours(unwritten)  # else: the journal is away too; the next attempt writes
        raise StepFailed(passes(error)) from error


def _hand_on(run: Run, number: int, *, alone: bool) -> None:
    """Gives the run to another worker. Where there is none (``alone``: this process was started for the run), or none had its files for
    too long, it fails, and can be resumed by one that has them."""
    if patiently(lambda: runs_at_work.given_back(run.id)) > SEARCH or (alone and not patiently(lambda: workers.alive(but=run.worker))):
        cause, hint = patiently(lambda: _give_up(run, number, GivenBack()))
        patiently(lambda: runs_at_work.finish(run.id, run.worker, "failed", f"no worker has the files of this run: {cause}", hint))
        return
    waiting = [step for step in patiently(lambda: runs.read(run.id))["steps"] if step["state"] == "waiting"]
    last = max(waiting, key=lambda step: step["finished_at"])  # parts of an earlier attempt may wait as well
    try:
        patiently(lambda: queue.give_back(run.id, run.worker, last["cause"]))
    except runs_at_work.NotOurs:
        raise LetGo from None


def _give_up(run: Run, number: int, error: Exception) -> tuple[str, str]:
    """Cause and next action of the step that ended the run; what only waited for another attempt has failed by now."""
    steps = [step for step in runs.read(run.id)["steps"] if step["number"] >= number and step["state"] not in ("done", "skipped")]
    for step in steps:
        runs_at_work.end_step(run.id, run.worker, step["number"], step["name"], "failed", cause=step["cause"], hint=step["hint"])
    causes = [step for step in steps if step["cause"]]
    return (causes[0]["cause"], causes[0]["hint"] or "") if causes else explained(error)


def _let_go_if_not_ours(error: BaseException) -> None:
    """Stops when another worker has the run: this one was thought dead, and whatever it still did would be done twice."""
    if isinstance(error, runs_at_work.NotOurs):
        raise LetGo from error


def patiently(work: Callable[[], T]) -> T:
    """Does what must not be lost to any fault of the server, a full disk among them: tries for ten minutes."""
    lost = (TransientError, psycopg.OperationalError, psycopg.InterfaceError)
    for attempt in Retrying(
        retry=retry_if_exception_type(lost), wait=wait_random_exponential(0.2, max=5), stop=stop_after_delay(600), reraise=True
    ):
        with attempt:
            return work()
    raise AssertionError  # Retrying either returned or raised
