"""A run of the engine as a step of durable work, or as several steps that its events are told apart into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from tenantry.clients import admission
from tenantry.operations import engine
from tenantry.operations.progress import Step as Change
from tenantry.operations.progress import said
from tenantry.operations.steps import Log, Run


def apply(run: Run, stack: str) -> str:
    """Makes the stack what the files say; in words, what changed."""
    return said(engine.up(stack, admission.load().declared, lambda change: run.tell(f"{change.verb} {change.name}")).changes)


def apply_in_parts(run: Run, log: Log, stack: str, parts: Mapping[str, str], check: Callable[[], None] = lambda: None) -> Counter[str]:
    """The same, what happens to the run's tenant told as the parts of ``log``; what was done to other tenants, by verb.

    ``parts``: resource type (see ``part_of``) → part. ``check`` looks at what was made, before any part is said to be done.
    """
    done: dict[str, Counter[str]] = {part: Counter() for part in dict.fromkeys(parts.values())}
    others: Counter[str] = Counter()
    declared = admission.load().declared
    slugs = {tenant.slug for tenant in declared.of_stack(stack)} | {run.subject}

    def follow(change: Change) -> None:
        part = part_of(change.type, parts)
        tenant = _tenant(change.name, slugs)
        if tenant != run.subject:
            others[change.verb] += change.done and tenant is not None
        elif part is not None and change.done:
            done[part][change.verb] += 1
        elif part is not None:
            log.begin(part)

    engine.up(stack, declared, follow)
    check()
    for part, changes in done.items():
        log.end(part, said(changes))
    return others


def _tenant(name: str, slugs: Collection[str]) -> str | None:
    """Whose the resource of that logical name is; None: the platform's, or the engine's own. A slug may begin as another one does."""
    return max((slug for slug in slugs if name == slug or name.startswith(f"{slug}-")), key=len, default=None)


def part_of(type_: str, parts: Mapping[str, str]) -> str | None:
    """The part that a resource type belongs to, by its package, its module (``aws:s3``, ``s3/bucketObjectv2``) or its name; or None."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.rpartition(":")
    names = (package, f"{package}:{module.partition('/')[0]}", module, name)
    return next((parts[each] for each in names if each in parts), None)
