"""What durable work is made of: a kind of run is a list of idempotent steps, each with its own patience.

A step that was killed is begun again, so each must find what an earlier attempt left. What a later step needs is in the world, in the
run's ``arguments`` or in its ``notes``, which may hold no secret. In memory a step leaves to the next what that could as well look up
itself (``at_hand``), and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import runs, runs_at_work
from tenantry.errors import WorkError
from tenantry.work.words import Words


@dataclass(frozen=True)
class Run:
    """A run as its steps see it."""

    id: UUID
    worker: str
    kind: str
    tenant_id: UUID | None
    subject: str
    """The slug, or what a run of the whole fleet is about."""
    stack: str | None
    arguments: Mapping[str, Any]
    requested_by: str
    via: str
    notes: dict[str, Any] = field(default_factory=dict)
    declared: str | None = None
    """The fingerprint of the declaration that it is for; None: for none."""
    commit: str | None = None
    """The commit that has it."""
    returned: bool = False
    """Whether workers have given it back, because its files were others than theirs."""
    at_hand: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What a step has just looked up, for the next one in the same process to take away: another attempt looks for itself."""
    words: Words = field(init=False, repr=False, compare=False)

    @property
    def actor(self) -> Actor:
        """Who asked for it."""
        return Actor(self.requested_by, self.via)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", Words(lambda text: runs_at_work.tell(self.id, self.worker, text)))

    @classmethod
    def of(cls, row: Mapping[str, Any], worker: str) -> Run:
        """The run of a row of ``runs``, as ``worker`` works on it."""
        names = ("id", "kind", "tenant_id", "subject", "stack", "arguments", "requested_by", "via", "notes")
        # A worker may be newer than the control database until someone runs `tenantry up --stack shared`.
        later = {name: row.get(name) for name in ("declared", "commit")}
        known = {name: row[name] for name in names} | later | {"returned": row.get("returned_since") is not None}
        return cls(worker=worker, **known)

    @property
    def tenant(self) -> UUID:
        """The id of the tenant that the run is about; every kind but the fleet's has one."""
        assert self.tenant_id is not None  # noqa: S101  # for the type checker: who asks knows the kind
        return self.tenant_id

    def note(self, name: str, value: Any) -> None:
        """Keeps a JSON value for later steps, over a crash as well."""
        runs_at_work.note(self.id, self.worker, name, value)
        self.notes[name] = value

    def tell(self, text: str) -> None:
        """Shows how far the step at work has come: one line, replaced by the next. Of those that come too fast, the last."""
        self.words.tell(text)


class OtherFiles(WorkError):
    """The files of this worker are not those that a run is for: raised by a step, it gives the run back to the queue.

    ``message`` says at which commit this worker is; ``hint`` is for the case that no worker has the files.
    """


@dataclass(frozen=True)
class Patience:
    """How often a step that failed for a passing cause is tried, and how long it waits in between (seconds, doubled each time)."""

    attempts: int
    first_wait: float = 0.5


PATIENT: Final = Patience(9)  # about two minutes: a server that restarts, a lock that is held
ONCE: Final = Patience(1)


@dataclass(frozen=True)
class Step:
    """One step. ``work`` returns what it did in one line for people; an empty text means that there was nothing to do.

    ``TransientError`` and a lost connection are tried again; any other error ends the run, which can be resumed at this step.
    """

    name: str
    work: Callable[[Run], str]
    patience: Patience = PATIENT


@dataclass(frozen=True)
class Parts:
    """Several steps that are one piece of work, as an engine run is: begun and tried again together, each with its own line in the log.

    ``work`` reports through ``Log``; parts that it never mentions had nothing to do.
    """

    names: tuple[str, ...]
    work: Callable[[Run, Log], None]
    patience: Patience = PATIENT


class Log:
    """The lines of the parts of one piece of work, kept while it goes on. ``first`` is the number of the first part."""

    def __init__(self, run: Run, names: Sequence[str], first: int) -> None:
        self._run, self._names, self._first = run, list(names), first
        self._begun: set[str] = set()
        self._ended: set[str] = set()

    def ended_before(self) -> bool:
        """Whether an earlier attempt has ended every part."""
        numbers = {step["number"] for step in runs.read(self._run.id)["steps"] if step["state"] in ("done", "skipped")}
        return all(self._number(name) in numbers for name in self._names)

    def begin(self, name: str) -> None:
        """The part has begun; repeating it is a no-op."""
        if name not in self._begun:
            self._begun.add(name)
            runs_at_work.begin_step(self._run.id, self._run.worker, self._number(name), name)

    def end(self, name: str, summary: str) -> None:
        """The part is done; an empty summary says that there was nothing to do."""
        self._ended.add(name)
        self._run.words.over()
        state = "done" if summary else "skipped"
        runs_at_work.end_step(self._run.id, self._run.worker, self._number(name), name, state, summary=summary or "nothing to do")

    def end_all(self) -> None:
        """Ends what was not ended."""
        for name in self._names:
            if name not in self._ended:
                self.end(name, "")

    def fail(self, state: str, cause: str, hint: str) -> None:
        """The work failed: so did the parts that were at work, or the first that was not."""
        self._run.words.over()
        at_work = [name for name in self._names if name in self._begun - self._ended]
        for name in at_work or [name for name in self._names if name not in self._ended][:1]:
            runs_at_work.end_step(self._run.id, self._run.worker, self._number(name), name, state, cause=cause, hint=hint)
        self._begun.clear()

    def _number(self, name: str) -> int:
        return self._first + self._names.index(name)


@dataclass(frozen=True)
class Kind:
    """A kind of run. ``steps`` must give the same list whenever it is asked for the same run."""

    name: str
    steps: Callable[[Run], Sequence[Step | Parts]]
