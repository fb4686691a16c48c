"""Brings the tenant tables of the whole fleet to the newest revision: a ring first, then the rest, until too many failed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from threading import Event, Thread
from typing import Final
from uuid import UUID

import psycopg

from tenantry.actor import Actor
from tenantry.control import occupancy, program_age, runs, works
from tenantry.control.database import transaction
from tenantry.control.works import Work
from tenantry.errors import TenantryError, WorkError
from tenantry.operations import table_check
from tenantry.operations.rollout import Outcome, roll_out
from tenantry.postgres import migrations, revisions, template
from tenantry.stores import table_sets
from tenantry.stores.table_sets import TableSet
from tenantry.work import queue
from tenantry.work.step import ONCE, Kind, Run, Step

FLEET: Final = "fleet"
TURN: Final = "(migrate)"
"""In the place of a stack: two roll-outs take turns. No stack has such a name."""


LOOK_GOOD_FOR: Final = 10.0  # seconds; what changes meanwhile could as well change between a look and the migration
_LOOKS: Final[dict[UUID, tuple[float, Plan]]] = {}


@dataclass(frozen=True)
class Options:
    """How a roll-out goes."""

    ring: str = "canary"
    """The tenants with this label ``ring`` go first."""
    canary: int | None = None
    """So many tenants go first instead of the ring: drawn anew for every revision, the same ones when it is run again."""
    parallel: int = 4
    budget: int = 0
    """How many may fail before it stops. In the first ring none may."""
    lock_seconds: float = migrations.LOCK_SECONDS
    """How long a migration waits for a lock: meanwhile everybody who comes after it waits too."""


@dataclass(frozen=True)
class Plan:
    """What a roll-out would do."""

    head: str
    first: tuple[TableSet, ...]
    """What lags in the ring that goes first."""
    rest: tuple[TableSet, ...]
    """What else lags."""
    done: tuple[TableSet, ...]
    """At the head already."""
    unmade: tuple[TableSet, ...]
    """Known to the registry, without tables yet."""
    unreachable: tuple[TableSet, ...]
    held: tuple[TableSet, ...]
    """Lagging, and left alone: a tenant of theirs is being moved or restored, and both ends must have the same tables."""
    found: Sequence[TableSet] = field(default=(), repr=False)
    under_way: Mapping[str, list[Work]] = field(default_factory=dict, repr=False)

    @property
    def lagging(self) -> tuple[TableSet, ...]:
        return self.first + self.rest


def plan(slugs: Sequence[str] = (), options: Options | None = None, earlier: Plan | None = None) -> Plan:
    """Looks at the fleet and says who lags. ``InputError`` when a place is at a revision that this checkout does not have.

    With an ``earlier`` plan since which nothing was migrated the databases are not looked into again, only who is being moved or restored.
    """
    head = revisions.head("tenant")
    found = earlier.found if earlier else table_sets.survey(slugs)
    foreign = [table_set for table_set in found if table_set.version is not None and not revisions.has("tenant", table_set.version)]
    if foreign:
        who = f"{_named(foreign)} {'is' if len(foreign) == 1 else 'are'}"
        program_age.require_revision("tenant", foreign[0].version, who, f"{program_age.HINT}, or name the tenants to migrate without it")
    first = _ring(found, head, options or Options())
    with transaction() as connection:
        under_way = works.moves_and_restores(connection)
    # Whoever was on the move at the look may live elsewhere by now.
    moved = {slug: [work for work in known_works if work.move] for slug, known_works in (earlier.under_way if earlier else {}).items()}
    under_way = {**moved, **under_way}
    behind = [table_set for table_set in found if table_set.version not in (None, head)]
    held = {table_set.key: table_set for table_set in behind if _held(table_set, under_way)}
    lagging = [table_set for table_set in behind if table_set.key not in held]
    return Plan(
        head,
        first=tuple(table_set for table_set in lagging if table_set.key in first),
        rest=tuple(table_set for table_set in lagging if table_set.key not in first),
        done=tuple(table_set for table_set in found if table_set.version == head),
        unmade=tuple(table_set for table_set in found if table_set.version is None and not table_set.problem),
        unreachable=tuple(table_set for table_set in found if table_set.problem),
        held=tuple(held.values()),
        found=found,
        under_way=under_way,
    )


def request(slugs: Sequence[str], options: Options, *, actor: Actor, looked: Plan | None = None) -> UUID:
    """Asks for the roll-out; the run's id. Of the tenants ``slugs`` only, or of the whole fleet.

    ``looked``: the plan that the caller has just made. A worker in this process that begins at once goes by it.
    """
    subject = slugs[0] if len(slugs) == 1 else f"{len(slugs)} tenants" if slugs else FLEET
    arguments = {"slugs": list(slugs), "options": asdict(options)}
    run_id = queue.request(runs.Request(MIGRATE.name, subject, stack=TURN, arguments=arguments, actor=actor))
    if looked:
        _LOOKS[run_id] = (time.monotonic(), looked)
    return run_id


def refuse_unreachable(found: Plan) -> None:
    """Raises ``WorkError`` where places could not be looked at."""
    if found.unreachable:
        causes = [(table_set.name, table_set.problem) for table_set in found.unreachable]
        raise WorkError(
            f"{len(found.unreachable)} could not be reached: {_causes(causes)}",
            "see to the servers, then run tenantry migrate again: it resumes with those that lag behind",
        )


def _ring(found: Sequence[TableSet], head: str, options: Options) -> set[str]:
    if options.canary is None:
        return {table_set.key for table_set in found if table_set.ring == options.ring}
    # Nothing is tried out on everybody in shared tables. All are drawn from, not only those that lag: else each run would draw more.
    own = [table_set for table_set in found if table_set.tenant_id]
    drawn = sorted(own, key=lambda table_set: hashlib.sha256(f"{head} {table_set.key}".encode()).digest())
    return {table_set.key for table_set in drawn[: options.canary]}


def _held(table_set: TableSet, under_way: Mapping[str, list[Work]]) -> bool:
    """Whether the place is left alone: a tenant of its is being moved or restored."""
    asked = works.Kind.MIGRATE if table_set.tenant_id else works.Kind.MIGRATE_SHARED
    return occupancy.waits(asked, [work for slug in table_set.slugs for work in under_way.get(slug, ())])


class _RollOut:
    """The steps of a run, and what they keep for each other in the process that does them."""

    def __init__(self) -> None:
        self._looked: Plan | None = None

    def first(self, run: Run) -> str:
        options = _options(run)
        with occupancy.none_begins():
            at, looked = _LOOKS.pop(run.id, (0.0, None))
            found = plan(run.arguments["slugs"], options, looked if time.monotonic() - at < LOOK_GOOD_FOR else None)
            _refuse_tables(found)
            # A ring takes its time, and tenants move meanwhile; where it is empty the next step need not look again.
            self._looked = None if found.first else found
            return _stage(run, found.first, found.head, options, "the first ring", budget=0, waiting=len(found.rest))

    def rest(self, run: Run) -> str:
        options = _options(run)
        with occupancy.none_begins():
            found = plan(run.arguments["slugs"], options, self._looked)
            said = _stage(run, found.rest, found.head, options, "the rest", budget=options.budget)
        refuse_unreachable(found)
        return said


def _refuse_tables(found: Plan) -> None:
    """``WorkError`` when the revisions that are to come make tables that may not be: before the first store has any of them."""
    if found.lagging:
        oldest = min(str(table_set.version) for table_set in found.lagging)
        table_check.require(oldest, shared=any(not table_set.tenant_id for table_set in found.found), standing=found.lagging[0])


def _options(run: Run) -> Options:
    return Options(**run.arguments["options"])


def _template(run: Run) -> str:
    """What new tenants' databases are copied from. The platform's run makes it; nobody waits for it, so it is brought along."""
    found = template.revision()
    if run.arguments["slugs"] or found in (None, revisions.head("tenant")):
        return ""
    return f"{found} to {template.ensure()}"


def _stage(run: Run, group: Sequence[TableSet], head: str, options: Options, stage: str, *, budget: int, waiting: int = 0) -> str:
    started = time.monotonic()
    with _told(run, stage, len(group)) as told:
        outcomes = roll_out(group, head, told, parallel=options.parallel, budget=budget, lock_seconds=options.lock_seconds)
    failed = [outcome for outcome in outcomes if outcome.error]
    run.note("migrated", run.notes.get("migrated", 0) + len(outcomes) - len(failed))
    run.note("failed", {outcome.table_set.name: outcome.error for outcome in failed})
    if failed:
        begun = f"{len(failed)} of {len(outcomes)} failed in {stage}"
        left = len(group) - len(outcomes) + waiting
        stopped = f", stopped with {left} not begun" if left else ""
        raise WorkError(
            f"{begun}{stopped}: {_causes([(outcome.table_set.name, outcome.error) for outcome in failed])}",
            _mend(),
        )
    if len(outcomes) < len(group):  # only too many failures stop it
        raise WorkError(
            f"{len(group) - len(outcomes)} of {len(group)} in {stage} came to no end: the process that migrated them stopped",
            "each is whole at its old or its new revision; the worker's output may say why",
        )
    if not outcomes:
        return ""
    again = sum(outcome.attempts - 1 for outcome in outcomes)
    retried = f", {again} attempts repeated" if again else ""
    return f"{len(outcomes)} to {head} in {time.monotonic() - started:.1f} s{retried}"


def _mend() -> str:
    if revisions.tool() is None:
        return "each is whole at its old revision: mend its data or the migration"
    return "mend their data or the migration; tenantry doctor names those that stay shut until a run ends well"


@contextmanager
def _told(run: Run, stage: str, whole: int) -> Iterator[Callable[[Outcome], None]]:
    """Shows once a second how far it has come. A thread of its own writes that: whoever migrates does not wait for the journal."""
    ended: list[bool] = []  # whether each went well
    over = Event()

    def tell() -> None:
        while not over.wait(1.0):
            failed = ended.count(False)
            with suppress(TenantryError, psycopg.Error):  # the next second tries again
                run.tell(f"{stage}: {len(ended)} of {whole}" + (f", {failed} failed" if failed else ""))

    teller = Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield lambda outcome: ended.append(not outcome.error)
    finally:
        over.set()
        teller.join()


def _named(group: Sequence[TableSet]) -> str:
    names = [table_set.name for table_set in group]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _causes(found: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{name}: {cause}" for name, cause in found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")


def _steps(_: Run) -> Sequence[Step]:
    # A place is tried again by itself; a stage is not, because what failed in it is for people.
    work = _RollOut()
    return Step("first ring", work.first, ONCE), Step("template", _template), Step("the rest", work.rest, ONCE)


MIGRATE: Final = Kind("migrate", _steps)
"""Fleet-wide: `arguments` are the slugs (none: all) and the options."""
