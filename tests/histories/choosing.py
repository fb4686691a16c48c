"""Histories, drawn from a fixed seed: each is the same whenever and wherever it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from tests.driving.choosing import BASE, DEDICATED, POOLED
from tests.histories.acts import PENDING, Act, Away, Change, Fate, Job, Killed, Merge, MergeLine, Overlap, Revert, Typed, Workers

SEED = 18

POINTS: Mapping[str, tuple[int, ...]] = {
    "before tenantry.engine.automation:up": (1, 1, 2),
    "after tenantry.engine.automation:up": (1, 1, 2),
    "after tenantry.engine.progress:Run._step": (1, 2, 4, 8),
    "before tenantry.engine.applied:record": (1, 2),
    "after tenantry.control.runs_at_work:begin_step": (1, 2, 3),
    "before tenantry.control.runs_at_work:finish": (1,),
    "after tenantry.work.queue:asked": (1,),
}
"""Where a process is killed → at which call."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "active": ("suspend", "suspend", "offboard"),
    "suspended": ("reactivate", "offboard"),
    "offboarding": ("undelete",),
}
LEADS: Mapping[str, str] = {"suspend": "suspended", "reactivate": "active", "offboard": "offboarding", "undelete": "active"}


@dataclass
class Drawn:
    """A history as far as it is drawn."""

    number: int
    random: Random
    acts: list[Act] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    """What commands have made of tenants."""
    lines: int = 0
    """Lines that commands wrote and nobody has merged."""

    def __post_init__(self) -> None:
        # Few, so that what is done to one meets what was done to it before; of dedicated ones, whose stacks are their own, one at most.
        pooled = self.random.sample(POOLED, 2)
        self.cast = [*pooled, self.random.choice(DEDICATED)] if self.random.random() < 0.5 else pooled
        self.added: list[str] = []

    def slug(self) -> str:
        return self.random.choice([*self.cast, *self.added])

    def back(self) -> int:
        return self.random.choices((0, 1, 2), (6, 3, 1))[0]

    def fate(self) -> Fate:
        chance = self.random.random()
        if chance < 0.25:
            point = self.random.choice(list(POINTS))
            return Killed(point, self.random.choice(POINTS[point]))
        return Away(self.random.choice(("Cloudflare", "AWS"))) if chance < 0.33 else None

    def line(self) -> Literal["lost", "merged", "later"]:
        chosen: Literal["lost", "merged", "later"] = self.random.choices(("lost", "merged", "later"), (4, 3, 3))[0]  # type: ignore[assignment]
        self.lines += chosen == "later"
        return chosen


def _field(drawn: Drawn) -> list[Change]:
    slug, random, mark = drawn.slug(), drawn.random, f"{drawn.number}-{len(drawn.acts)}"
    chosen: dict[str, Callable[[], object]] = {
        "name": lambda: f"{slug.title()} {mark}",
        "branding.app_name": lambda: f"App {mark}",
        "theme.primary": lambda: f"#{random.randrange(1 << 24):06x}",
        "features.reports": lambda: random.random() < 0.5,
        "limits.users": lambda: random.randint(1, 300),
        "limits.connections": lambda: random.randint(3, 9),
        "labels.mark": lambda: mark,
        "domains": lambda: [f"w{drawn.number}n{len(drawn.acts)}.{slug}.example"] * random.randint(0, 1),
    }
    key = random.choice(list(chosen))
    return [Change(f"{slug}.yaml", key, chosen[key]())]


def _state(drawn: Drawn) -> list[Change]:
    return [Change(f"{drawn.slug()}.yaml", "state", drawn.random.choices(("active", "suspended", "offboarding"), (4, 4, 1))[0])]


def _new(drawn: Drawn) -> list[Change]:
    slug = f"new{drawn.number}{'abcdefgh'[len(drawn.added)]}"
    drawn.added.append(slug)
    declaration = {
        "name": slug.title(),
        "tier": "starter",
        "isolation": drawn.random.choice(("rls", "schema")),
        "admin": {"name": "Ada Byron", "email": f"ada@{slug}.example"},
        "branding": {"app_name": slug.title()},
        "domains": [f"www.{slug}.example"] * drawn.random.randint(0, 1),
    }
    return [Change(f"{slug}.yaml", "", declaration)]


def _gone(drawn: Drawn) -> list[Change]:
    return [Change(f"{drawn.slug()}.yaml", "", None)]


def _tier(drawn: Drawn) -> list[Change]:
    return [Change("defaults/starter.yaml", "limits.storage_gb", drawn.random.randint(5, 50))]


CHANGES: Mapping[Callable[[Drawn], list[Change]], int] = {_field: 8, _state: 3, _new: 3, _gone: 1, _tier: 1}


def merge(drawn: Drawn) -> None:
    changes: list[Change] = []
    for _ in range(drawn.random.choice((1, 1, 2))):
        changes += drawn.random.choices(list(CHANGES), list(CHANGES.values()))[0](drawn)
    how: Literal["merge", "squash", "rebase"] = drawn.random.choice(("merge", "squash", "rebase"))  # type: ignore[assignment]
    drawn.acts.append(Merge(tuple(changes), how, drawn.random.choice((0, 0, 1))))


def revert(drawn: Drawn) -> None:
    if not any(isinstance(act, Merge) for act in drawn.acts):
        return merge(drawn)
    return drawn.acts.append(Revert(drawn.random.choice((0, 0, 1))))


def _job(drawn: Drawn, clone: str = "pipeline") -> Job:
    return Job(PENDING, drawn.back(), None, clone)


def job(drawn: Drawn) -> None:
    job = _job(drawn)
    fate, what = drawn.fate(), drawn.random.random()
    if what < 0.12:
        drawn.acts.append(Job((*PENDING, "--detach"), job.back))
    elif what < 0.2:
        drawn.acts.append(Job(("up", "--stack", "shared"), job.back, fate))
    elif what < 0.25:
        drawn.acts.append(Job(("provision", drawn.slug()), job.back, fate))
    else:
        drawn.acts.append(Job(PENDING, job.back, fate))


def typed(drawn: Drawn) -> None:
    slug = drawn.random.choice(drawn.cast)
    state = drawn.states.get(slug, "active")
    command = drawn.random.choice(COMMANDS[state])
    drawn.states[slug] = LEADS[command]
    fate = drawn.fate()
    drawn.acts.append(Typed(command, slug, drawn.back(), drawn.line(), fate if isinstance(fate, Killed) else None))  # type: ignore[arg-type]


def merge_line(drawn: Drawn) -> None:
    if not drawn.lines:
        return typed(drawn)
    drawn.lines -= 1
    return drawn.acts.append(MergeLine())


def overlap(drawn: Drawn) -> None:
    merge(drawn)
    drawn.acts.append(Overlap(_job(drawn), _job(drawn, "one")))


def workers(drawn: Drawn) -> None:
    fate = drawn.fate()
    backs = (drawn.back(), drawn.back())
    jobs = tuple(Job((*PENDING, "--detach"), drawn.back()) for _ in range(drawn.random.randint(1, 2)))
    merge(drawn)
    drawn.acts.append(Workers(backs, jobs, fate if isinstance(fate, Killed) else None))


KINDS: Mapping[Callable[[Drawn], None], int] = {merge: 6, revert: 2, job: 7, typed: 5, merge_line: 2, overlap: 1, workers: 1}


def history(number: int) -> list[Act]:
    """3 to 7 acts."""
    drawn = Drawn(number, Random(f"{SEED}/{number}"))  # noqa: S311  the same ones each time
    length = drawn.random.randint(3, 7)
    drawn.random.choice((merge, typed))(drawn)
    while len(drawn.acts) < length:
        drawn.random.choices(list(KINDS), list(KINDS.values()))[0](drawn)
    return drawn.acts


__all__ = ["BASE", "SEED", "history"]
