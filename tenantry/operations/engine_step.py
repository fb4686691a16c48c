"""A run of the engine as a step of durable work, or as several steps that its events are told apart into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from tenantry.control import admission, registry, run_tenants, stack_runs
from tenantry.control.admitted import Admitted
from tenantry.control.database import transaction
from tenantry.control.run_tenants import Line
from tenantry.declaration import Declarations
from tenantry.declaration.fingerprint import Fingerprint
from tenantry.engine.progress import Step as Change
from tenantry.engine.progress import said
from tenantry.errors import TransientError
from tenantry.postgres.server import Server
from tenantry.work.step import Log, Run


def apply(run: Run, stack: str) -> str:
    """Makes the stack what the files say; as a sentence, what changed."""
    return make(run, stack, admission.load())


def make(run: Run, stack: str, admitted: Admitted) -> str:
    """The same of what was read."""
    from tenantry.engine.automation import up

    _owe_welcomes(run, stack, admitted.declared)
    return said(up(stack, admitted, lambda change: run.tell(f"{change.verb} {change.name}")).changes)


def apply_in_parts(
    run: Run, log: Log, stack: str, parts: Mapping[str, str], admitted: Admitted, check: Callable[[], None] = lambda: None
) -> Counter[str]:
    """The same, what happens to the run's tenant told as the parts of ``log``; what was done to other tenants, by verb.

    ``parts``: resource type (see ``part_of``) → part. ``check`` looks at what was made, before any part is said to be done.
    """
    from tenantry.engine.automation import up

    done: dict[str, Counter[str]] = {part: Counter() for part in dict.fromkeys(parts.values())}
    others: Counter[str] = Counter()
    declared = admitted.declared
    slugs = {tenant.slug for tenant in declared.of_stack(stack)} | {run.subject}

    def follow(change: Change) -> None:
        part = part_of(change.type, parts)
        tenant = tenant_of(change.name, slugs)
        if tenant != run.subject:
            others[change.verb] += change.done and tenant is not None
        elif part is not None and change.done:
            done[part][change.verb] += 1
        elif part is not None:
            log.begin(part)

    _owe_welcomes(run, stack, declared)
    up(stack, admitted, follow)
    check()
    for part, changes in done.items():
        log.end(part, said(changes))
    return others


def _owe_welcomes(run: Run, stack: str, declared: Declarations) -> None:
    """Writes down which tenants come into being beside the one that the run is for: whoever looks for what is pending welcomes them."""
    active = [tenant.slug for tenant in declared.of_stack(stack) if tenant.state == "active" and tenant.slug != run.subject]
    known = registry.states() if active else {}
    new = [Line(slug, "new", welcome=True, outcome="beside") for slug in active if slug not in known]
    if new:
        with transaction() as connection:
            owed = run_tenants.owed(connection)
            run_tenants.add(connection, run.id, [line for line in new if line.tenant not in owed])


def require_made(stack: str, slugs: Sequence[str], admitted: Admitted) -> None:
    """``TransientError`` where the engine has made something else: the files changed, or a command was given, after they were looked at."""
    with Server.from_environment().kept() as connection:
        made = stack_runs.applied(connection, stack)

    def is_made(slug: str) -> bool:
        found = made.get(slug)
        if admitted.declared[slug].gone:
            return slug not in made
        return found is not None and Fingerprint.parse(found).declaration == admitted.fingerprint(slug).declaration

    if others := [slug for slug in slugs if not is_made(slug)]:
        raise TransientError(
            f"what is declared of {listed(others)} changed while the engine was at work", "nothing to do: it is looked at again"
        )


def listed(slugs: Sequence[str]) -> str:
    """The first ten, and how many more."""
    return ", ".join(slugs[:10]) + (f" and {len(slugs) - 10} more" if len(slugs) > 10 else "")


def tenant_of(name: str, slugs: Collection[str]) -> str | None:
    """Whose the resource of that logical name is; None: the platform's, or the engine's own. A slug may begin as another one does."""
    return max((slug for slug in slugs if name == slug or name.startswith(f"{slug}-")), key=len, default=None)


def part_of(type_: str, parts: Mapping[str, str]) -> str | None:
    """The part that a resource type belongs to, by its package, its module (``aws:s3``, ``s3/bucketObjectv2``) or its name; or None."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.rpartition(":")
    names = (package, f"{package}:{module.partition('/')[0]}", module, name)
    return next((parts[each] for each in names if each in parts), None)
