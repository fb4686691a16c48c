"""Runs over several stacks: in the order in which they need each other, bounded in parallel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tenantry import naming
from tenantry.control import host_names
from tenantry.control.admitted import Admitted
from tenantry.declaration import Declarations
from tenantry.engine.outcome import Outcome
from tenantry.errors import InputError, TenantryError, WorkError
from tenantry.problems import did_you_mean
from tenantry.sweep import as_error

LISTS = "tenantry list shows the tenants, tenantry status their stacks"

Work = Callable[[str], Outcome]


@dataclass(frozen=True)
class Result:
    """One stack's outcome, or why it failed or was not begun."""

    stack: str
    outcome: Outcome | None
    error: TenantryError | None


def stacks_of(admitted: Admitted, *, slug: str | None, stack: str | None) -> list[str]:
    """The stacks that a command is about: a tenant's, a named one, or all. ``InputError`` with the nearest name for an unknown one."""
    declared, known = admitted.declared, every_stack(admitted)
    if slug is not None:
        if slug not in declared:
            raise InputError(
                f"no tenant {slug}: there is no file tenants/{slug}.yaml", did_you_mean(slug, declared, LISTS), code="tenant.unknown"
            )
        return [declared[slug].stack]
    if stack is not None:
        if stack not in known:
            raise InputError(f"no stack {stack}", did_you_mean(stack, known, LISTS), code="stack.unknown")
        return [stack]
    return known


def every_stack(admitted: Admitted) -> list[str]:
    """All stacks that files or the ledger know, in the order in which they need each other."""
    declared, book = admitted.declared, admitted.book
    alive = [tenant for tenant in declared.values() if not tenant.gone or tenant.slug in book.tenants]
    names = {tenant.stack for tenant in alive} | {tenant.stack for tenant in book.tenants.values()}
    names |= {naming.cell_stack(tenant.cell) for tenant in alive} | {naming.SHARED_STACK}
    return [stack for level in levels(names) for stack in level]


def levels(stacks: Iterable[str]) -> list[list[str]]:
    """The main cell, then the other cells, then dedicated tenants; each level needs the ones before it."""
    order: list[list[str]] = [[], [], []]
    for stack in sorted(set(stacks)):
        cell = naming.cell_of_stack(stack)
        order[2 if cell is None else 0 if cell == naming.MAIN_CELL else 1].append(stack)
    return [level for level in order if level]


def givers(admitted: Admitted) -> dict[str, set[str]]:
    """The stacks that have to give a host name up before another takes it, by the one that takes it."""
    found: dict[str, set[str]] = {}
    for giver, taker in host_names.givers(admitted.book, admitted.declared):
        found.setdefault(taker, set()).add(giver)
    return found


def givers_first(order: list[list[str]], before: Mapping[str, set[str]]) -> list[list[str]]:
    """The levels, with each stack that gives a host name up before the one that takes it. Stacks that exchange some stay where they are."""
    ranked = [set(level) for level in order]
    for _ in range(len(before) * sum(map(len, order))):
        rank = {stack: number for number, level in enumerate(ranked) for stack in level}
        late = next(((g, t) for t, found in before.items() if t in rank for g in found if rank.get(g, -1) >= rank[t]), None)
        if late is None:
            return [sorted(level) for level in ranked if level]
        giver, taker = late
        ranked[rank[giver]].discard(giver)
        ranked.insert(rank[taker], {giver})
    return order


def over(
    stacks: Iterable[str], work: Work, declared: Declarations, *, parallel: int | None = None, before: Mapping[str, set[str]]
) -> list[Result]:
    """Does ``work`` for each stack, level by level; one that needs a stack which failed is not begun. All others are tried.

    ``before``: what ``givers`` found.
    """
    results: list[Result] = []
    failed: set[str] = set()
    with ThreadPoolExecutor(parallel or os.cpu_count() or 2) as pool:
        for level in givers_first(levels(stacks), before):
            blocked = {stack: missing for stack in level if (missing := failed & (needs(stack, declared) | before.get(stack, set())))}
            results += [Result(stack, None, _not_begun(missing)) for stack, missing in blocked.items()]
            done = list(pool.map(lambda stack: _attempt(stack, work), [stack for stack in level if stack not in blocked]))
            failed |= {result.stack for result in done if result.error}
            results += done
    return results


def needs(stack: str, declared: Declarations) -> set[str]:
    """The main cell has the registry; a dedicated tenant is in its cell's bucket."""
    if stack == naming.SHARED_STACK:
        return set()
    tenant = declared.get(stack) if naming.cell_of_stack(stack) is None else None
    return {naming.SHARED_STACK, *([naming.cell_stack(tenant.cell)] if tenant else [])}


def _not_begun(missing: set[str]) -> WorkError:
    names = " and ".join(sorted(missing))
    return WorkError(
        f"not begun, because it needs {names}, which failed", "see to that one, then run the same command again", code="engine.failed"
    )


def _attempt(stack: str, work: Work) -> Result:
    try:
        return Result(stack, work(stack), None)
    except Exception as error:
        return Result(stack, None, as_error(error))
