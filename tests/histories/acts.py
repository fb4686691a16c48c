"""What happens between a pull request and a platform: merges, jobs of the pipeline, commands in somebody's clone, workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

PENDING = ("provision", "--pending")


@dataclass(frozen=True)
class Change:
    """One key of a tenant's file (dotted), or of a tier's defaults. An empty key: the whole file, ``None`` removes it."""

    path: str
    key: str
    value: Any

    def __str__(self) -> str:
        return f"{self.path.removesuffix('.yaml')}: {self.key or 'file'}{' gone' if self.value is None else ''}"


@dataclass(frozen=True)
class Merge:
    """A pull request is merged into main."""

    changes: tuple[Change, ...]
    how: Literal["merge", "squash", "rebase"] = "merge"
    behind: int = 0
    """So many commits of main came after the one that the branch began at."""


@dataclass(frozen=True)
class Revert:
    """What a commit of main did, that many behind its head, is taken back by another one."""

    back: int


@dataclass(frozen=True)
class Killed:
    """At the ``call``-th ``before …`` or ``after …`` of a function: the process, the engine and every plugin."""

    point: str
    call: int


@dataclass(frozen=True)
class Away:
    """One of ``tests.driving.acts.AWAY`` does not answer; a job that waits for it is ended by its own time limit."""

    what: str


Fate = Killed | Away | None


@dataclass(frozen=True)
class Job:
    """A job of the pipeline at a commit of main, that many behind its head: of an older one, when jobs overtake each other or are run
    again."""

    ask: tuple[str, ...] = PENDING
    back: int = 0
    fate: Fate = None
    clone: str = "pipeline"

    @property
    def only_asks(self) -> bool:
        return "--detach" in self.ask

    @property
    def asks_for_all(self) -> bool:
        return self.ask[:2] == PENDING or self.ask == ("up", "--all")


@dataclass(frozen=True)
class Typed:
    """A command about one tenant, typed in somebody's clone of that commit; then what becomes of the line that it wrote."""

    command: Literal["suspend", "reactivate", "offboard", "undelete"]
    slug: str
    back: int = 0
    line: Literal["lost", "merged", "later"] = "lost"
    fate: Fate = None


@dataclass(frozen=True)
class MergeLine:
    """The oldest line that a command wrote and that nobody has merged yet, is."""


@dataclass(frozen=True)
class Overlap:
    """A job begins while the engine works for another one."""

    first: Job
    second: Job


@dataclass(frozen=True)
class Workers:
    """Two workers at commits of their own, and jobs that only ask. One may be killed in between."""

    backs: tuple[int, int]
    jobs: tuple[Job, ...]
    fate: Killed | None = None


Act = Merge | Revert | Job | Typed | MergeLine | Overlap | Workers
