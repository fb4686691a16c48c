"""A run of the engine as a step of durable work, or as several steps that its events are told apart into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tenantry.declaration import load
from tenantry.operations.progress import Step as Change
from tenantry.operations.progress import said
from tenantry.operations.steps import Log, Run
from tenantry.settings import tenants_dir


def apply(run: Run, stack: str) -> str:
    """Makes the stack what the files say; in words, what changed."""
    from tenantry.operations import engine

    return said(engine.up(stack, load(tenants_dir()), lambda change: run.tell(f"{change.verb} {change.name}")).changes)


def apply_in_parts(run: Run, log: Log, stack: str, parts: Mapping[str, str]) -> Counter[str]:
    """The same, what happens to the run's tenant told as the parts of ``log``; what was done to others, by verb.

    ``parts``: resource type (see ``part_of``) → part.
    """
    from tenantry.operations import engine

    done: dict[str, Counter[str]] = {part: Counter() for part in dict.fromkeys(parts.values())}
    others: Counter[str] = Counter()

    def follow(change: Change) -> None:
        part = part_of(change.type, parts)
        if not (change.name == run.subject or change.name.startswith(f"{run.subject}-")):
            others[change.verb] += change.done
        elif part is not None and change.done:
            done[part][change.verb] += 1
        elif part is not None:
            log.begin(part)

    engine.up(stack, load(tenants_dir()), follow)
    for part, changes in done.items():
        log.end(part, said(changes))
    return others


def part_of(type_: str, parts: Mapping[str, str]) -> str | None:
    """The part that a resource type belongs to, by its package, its module (``aws:s3``, ``s3/bucketObjectv2``) or its name; or None."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.rpartition(":")
    names = (package, f"{package}:{module.partition('/')[0]}", module, name)
    return next((parts[each] for each in names if each in parts), None)
