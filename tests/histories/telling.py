"""What is wrong after an act: judged from what is there, what the files of each commit say, and the worlds that are left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tenantry import naming
from tests.driving.observing import Observed
from tests.histories.model import World

GIVEN_BACK = 8
"""Seconds in which every worker has looked at a run at least twice."""


@dataclass(frozen=True)
class Books:
    """What the control database says of each tenant, by slug."""

    states: Mapping[str, str]
    """Of deleted ones too."""
    holds: frozenset[str]
    welcomes: Mapping[str, Counter[str]]
    """Invitations, and mails of the welcome sequence by kind."""
    open_runs: int
    at_work: int
    """Those of them that a worker has or may still take: not those that all have been giving back for ``GIVEN_BACK`` seconds."""


def read(sandbox: Any) -> Books:
    with sandbox.sql(naming.CONTROL_DATABASE) as control:
        control.execute("SET search_path TO control")
        slugs: dict[UUID, str] = {}
        states: dict[str, str] = {}
        for tenant, slug, state in control.execute("SELECT id, slug, state FROM tenants"):
            slugs[tenant], states[slug] = slug, state
        holds = frozenset(slugs[tenant] for (tenant,) in control.execute("SELECT tenant FROM holds") if tenant in slugs)
        welcomes: dict[str, Counter[str]] = {slug: Counter() for slug in states}
        for tenant, count in control.execute("SELECT tenant_id, count(*) FROM invitations GROUP BY tenant_id"):
            welcomes[slugs[tenant]]["invitation"] = count
        for tenant, kind, count in control.execute(
            "SELECT tenant_id, kind, count(*) FROM outbox WHERE kind = 'invitation' OR kind LIKE 'welcome%' GROUP BY tenant_id, kind"
        ):
            welcomes[slugs[tenant]][f"mail {kind}"] = count
        open_runs, at_work = control.execute(
            "SELECT count(*), count(*) FILTER (WHERE returned_since IS NULL OR returned_since > now() - %s * interval '1 s')"
            " FROM runs WHERE state IN ('queued', 'running')",
            [GIVEN_BACK],
        ).fetchone()
    return Books(states, holds, welcomes, open_runs, at_work)


def let_in(slug: str, worlds: Iterable[World], books: Books, seen: Observed, *, held: bool = True) -> Iterator[str]:
    """Nobody is let in whom a command, or a line that was merged and run, has shut out.

    ``held``: no command is under way that ends a hold.
    """
    found = books.states.get(slug)
    possible = sorted({str(world.state) for world in worlds})
    if found is not None and found not in possible and not (found == "provisioning" and "active" in possible):
        yield f"{slug} is {found} in the registry, and can only be {' or '.join(possible)}"
    shut_out = all(world.shut_out or world.gone for world in worlds)
    roles = {naming.tenant_app(slug), seen.rows.get(slug, {}).get("app_role")} & {*seen.roles} - {naming.cell_app("main")}
    for role in sorted(roles):
        if shut_out and seen.roles[role].login:
            yield f"{role} may log in, and {slug} is {' or '.join(possible)}"
    if held and {world.state for world in worlds} == {"offboarding"} and slug not in books.holds:
        yield f"{slug} is being off-boarded, and its hold is gone"


def welcomed(books: Books, never: Iterable[str]) -> Iterator[str]:
    """Nobody is welcomed twice; ``never``: those who were there before and that no command has welcomed."""
    for slug, counted in books.welcomes.items():
        for what, count in sorted(counted.items()):
            if count > 1:
                yield f"{slug} has {count} of {what}"
    for slug in sorted(never):
        if mails := sum(count for what, count in books.welcomes.get(slug, Counter[str]()).items() if what.startswith("mail")):
            yield f"{slug} was there before, and {mails} mails welcome it"


def unwelcomed(books: Books, new: Iterable[str]) -> Iterator[str]:
    """Who came with a merge is welcomed, whichever run made it."""
    for slug in sorted(new):
        if books.welcomes.get(slug, Counter[str]())["mail invitation"] != 1:
            yield f"{slug} is new, and nobody has welcomed it"
