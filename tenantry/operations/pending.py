"""What is pending, asked of the platform: every declared tenant, in every state, compared with what is known to have been made of it.

Git is not asked: a pipeline that was cancelled, overtaken or never ran, and a run that failed, leave what they did not do pending.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import admission, ledger, losses, run_tenants, runs
from tenantry.control.admitted import Admitted, Verdict
from tenantry.control.database import if_there
from tenantry.control.lifecycle import COMMANDS, KINDS
from tenantry.control.losses import Loss
from tenantry.control.origin import Origin
from tenantry.control.run_tenants import Line
from tenantry.declaration import Declarations, TenantDeclaration
from tenantry.engine import fleet
from tenantry.engine.applied import Evidence
from tenantry.errors import InputError
from tenantry.operations import apply_run, lifecycle, provision
from tenantry.operations.purpose import Purpose
from tenantry.postgres.server import Server
from tenantry.settings import platform_settings

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Standing:
    """How a tenant stands to its file. ``why`` is in words what is pending of it; empty where that is nothing, or not to be made now."""

    slug: str
    stack: str
    why: str = ""
    declared: str | None = None
    """The fingerprint that is to be made."""
    new: bool = False
    """Whether its first administrator is to be welcomed: the registry has never known it."""
    change: str | None = None
    """The command that brings it to the state that its file declares."""
    goes_on: bool = False
    """Whether a provisioning of its own has failed, or is under way."""
    verdict: Verdict | None = None
    """Why not all is made that its file says."""


@dataclass(frozen=True)
class Found:
    """Every tenant, by slug; the stacks of which something is pending and no tenant, with why."""

    tenants: Mapping[str, Standing]
    stacks: Mapping[str, str]
    admitted: Admitted

    @property
    def pending(self) -> list[Standing]:
        """The tenants of which something is pending, by slug."""
        return [standing for standing in self.tenants.values() if standing.why]


def find() -> Found:
    """Looks at the files, the ledger, the registry, the journal and the stacks' states."""
    admitted = admission.load()
    declared, book = admitted.declared, admitted.book
    evidence = Evidence.of({tenant.stack for tenant in book.tenants.values()})
    lost = {loss.slug: loss for loss in losses.losses(book, declared, protects=platform_settings().protects)}
    stopped = _stopped(lost, admitted)
    journal = _Journal.read()
    found = {}
    for slug, tenant in declared.items():
        if not (tenant.gone and slug not in book.tenants):
            found[slug] = _standing(tenant, admitted, evidence, journal)
    for slug, standing in found.items():
        if slug not in lost and standing.stack in stopped and standing.why:
            loss = stopped[standing.stack]
            found[slug] = replace(standing, why="", verdict=Verdict(slug, "refused", f"waits for its stack: {loss.message}", loss.hint))
    for slug, loss in lost.items():
        found[slug] = Standing(slug, book.tenants[slug].stack, verdict=Verdict(slug, "refused", loss.message, loss.hint))
    for slug, verdict in admitted.verdicts.items():
        if verdict.kind == "deleted":
            found[slug] = Standing(slug, "", verdict=verdict)
    busy = {standing.stack for standing in found.values() if standing.why}
    rest = [stack for stack in fleet.every_stack(admitted) if stack not in busy and stack not in stopped]
    return Found(dict(sorted(found.items())), {stack: why for stack in rest if (why := apply_run.stack_why(stack))}, admitted)


def _stopped(lost: Mapping[str, Loss], admitted: Admitted) -> dict[str, Loss]:
    """The stacks of which no run is begun, with why: the edit of a file that would lose data is refused for the whole stack."""
    stopped = {}
    for slug, loss in lost.items():
        stopped[admitted.book.tenants[slug].stack] = loss
        if slug in admitted.declared:
            stopped[admitted.declared[slug].stack] = loss
    return stopped


@dataclass(frozen=True)
class _Journal:
    """What the registry and the journal know: states by slug; tenants whose welcome is owed; the newest provisioning of each tenant, and
    the newest change of its state."""

    states: Mapping[str, str]
    owed: Collection[UUID]
    provisionings: Mapping[UUID, Mapping[str, Any]]
    changes: Mapping[UUID, Mapping[str, Any]]

    @classmethod
    def read(cls) -> _Journal:
        def work(connection: psycopg.Connection[dict[str, Any]]) -> _Journal:
            known = connection.execute("SELECT slug, state FROM tenants WHERE deleted_at IS NULL").fetchall()
            return cls(
                {row["slug"]: row["state"] for row in known},
                run_tenants.owed(connection),
                runs.newest_of_all(connection, [provision.PROVISION.name]),
                runs.newest_of_all(connection, KINDS),
            )

        return if_there(work, cls({}, (), {}, {}))


def _standing(tenant: TenantDeclaration, admitted: Admitted, evidence: Evidence, journal: _Journal) -> Standing:
    slug = tenant.slug
    goes_on = tenant.state == "active" and _unended(journal.provisionings.get(tenant.id))
    unmade = journal.states.get(slug) in (None, "provisioning")
    new = tenant.state == "active" and not goes_on and (unmade or tenant.id in journal.owed)
    standing = Standing(
        slug,
        tenant.stack,
        apply_run.why(admitted, evidence, slug),
        str(admitted.fingerprint(slug)),
        new,
        goes_on=goes_on,
        verdict=admitted.verdicts.get(slug),
    )
    command, why = _command(tenant, journal)
    if command:
        return replace(standing, why=why, change=command)
    if goes_on:
        return replace(standing, why=standing.why or "its provisioning has not ended")
    return replace(standing, why=standing.why or "its administrator is not invited yet") if new else standing


def _command(tenant: TenantDeclaration, journal: _Journal) -> tuple[str | None, str]:
    """The command that brings the tenant to the state that its file declares, and why it is still to be given; None: it is not."""
    state, last = journal.states.get(tenant.slug, ""), journal.changes.get(tenant.id)
    if _unended(last) and last is not None and last["arguments"]["to"] == tenant.state:
        return last["kind"], f"{last['kind']}, which has not ended"
    command = COMMANDS.get((state, tenant.state), "")
    if command and " " not in command:  # what deletes is asked for by command
        return command, f"state: {state} → {tenant.state}"
    shut = {"suspended": "suspend", "offboarding": "offboard"}.get(tenant.state)
    if shut and state == tenant.state and (last is None or last["arguments"]["to"] != state):
        # A run that was for someone else, or `tenantry up`, has applied the file: roles and rows, and no session, hold or log.
        return shut, f"state: {state}, for which no command was given"
    return None, ""


def _unended(run: Mapping[str, Any] | None) -> bool:
    return run is not None and run["state"] in ("failed", *runs.OPEN)


@dataclass(frozen=True)
class Asked:
    """What was asked for. ``runs`` in the order in which they are needed; ``of``: the run that makes a tenant, by slug."""

    runs: tuple[UUID, ...]
    of: Mapping[str, UUID]
    refused: Mapping[str, InputError]
    """Changes of state that are not allowed, by slug."""


def request(found: Found, only: Collection[str] | None = None, *, actor: Actor) -> Asked:
    """Asks for all that is pending, or for the stacks in which one of the tenants ``only`` is: a stack is made as a whole.

    First what changes a tenant's state or goes on with a provisioning, each by a run of its own, of which the first makes the whole stack;
    then one run for each stack, in the order in which they need each other.
    """
    _confirm(found)
    pending, declared = found.pending, found.admitted.declared
    chosen = {standing.stack for standing in pending if only is None or standing.slug in only}
    chosen |= set(found.stacks) if only is None else set()
    before = fleet.givers(found.admitted)
    asked: dict[str, list[UUID]] = {}
    made: dict[str, UUID] = {}
    of: dict[str, UUID] = {}
    refused: dict[str, InputError] = {}
    for stack in [stack for level in fleet.givers_first(fleet.levels(chosen), before) for stack in level]:
        mine = [standing for standing in pending if standing.stack == stack]
        asked[stack] = []
        for standing in mine:
            try:
                own = _own_run(standing, declared, actor=actor)
            except InputError as error:
                refused[standing.slug] = error
                continue
            if own is not None:
                asked[stack].append(own)
                of[standing.slug] = own
                if standing.change is not None:
                    _write_down(found.admitted.heard_by(standing.slug, str(own)))
        rest = [standing for standing in mine if standing.slug not in of and standing.slug not in refused]
        if rest or stack in found.stacks:
            needed = fleet.needs(stack, declared) | before.get(stack, set())
            after = [made[first] for first in sorted(needed - {stack}) if first in made]
            purposes = Purpose.of(found.admitted, [each.slug for each in rest])
            lines = [Line(each.slug, each.why, each.declared, purposes[each.slug].commit, each.new) for each in rest]
            run_id = apply_run.request(stack, lines, after=after, actor=actor)
            asked[stack].append(run_id)
            made[stack] = run_id
            of |= {each.slug: run_id for each in rest}
    return Asked(tuple(run_id for ids in asked.values() for run_id in ids), of, refused)


def _confirm(found: Found) -> None:
    """Of whom nothing is pending no run is begun, which would note that these files say it too: then a job of a commit between that and
    the one that was applied would be no older one."""
    same = {slug: each for slug, each in found.admitted.confirmed.items() if slug in found.tenants and not found.tenants[slug].why}
    _write_down(same)


def _write_down(origins: Mapping[str, tuple[Origin, Origin]]) -> None:
    with Server.from_environment().kept() as connection:
        ledger.confirm(connection, origins)


def _own_run(standing: Standing, declared: Declarations, *, actor: Actor) -> UUID | None:
    slug = standing.slug
    if standing.change is not None:
        to = declared[slug].state if standing.change == "undelete" else None
        return lifecycle.request(standing.change, slug, actor=actor, to=to)
    return provision.request(slug, actor=actor) if standing.goes_on else None
