"""Which of the names that a stack is going to make it may have: new ones that are nobody's, and those that pass on to it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import psycopg
import pulumi

from stacks.claims import Planned
from tenantry.backend import stack_state
from tenantry.backend.stack_state import Remembered, State
from tenantry.control import host_names, ledger
from tenantry.control.ledger import Claim, Ledger
from tenantry.declaration import TenantDeclaration
from tenantry.errors import WorkError

_HELD_AS: Final = {
    "role": ("postgresql:index/role:Role", "name"),
    "database": ("postgresql:index/database:Database", "name"),
    "hostname": host_names.HELD_AS,
}
"""Kind of claim → the resource type that makes such a thing, and the input that names it."""


class Names(NamedTuple):
    """What is known of the names of a stack that may run."""

    passing: bool
    """Whether a host name comes to a tenant of the stack from another tenant."""
    leftovers: Mapping[str, str]
    """Logical name → import id of what is claimed and there, and in the state of no stack."""
    former: Mapping[str, str]
    """Logical name → URN under which the stack's state holds the host name for another of its tenants."""


def settle(
    connection: psycopg.Connection,
    book: Ledger,
    declared: Mapping[str, TenantDeclaration],
    planned: Collection[Planned],
    state: State,
) -> Names:
    """Raises ``InputError`` or ``WorkError`` for a name that the stack may not have, or not yet; nothing is written.

    ``state`` is the stack's own. Whoever adopts a stack says that what bears its names is the stack's: the ledger may be what was lost.
    """
    passing = [found for found in host_names.passing(book, declared) if found.taken_by == book.stack]
    for found in passing:
        host_names.refuse_unsafe(found, book, declared)
    claims = {plan.claim: plan for plan in planned if plan.claim}
    owners = {claim: book.claims.get((claim.kind, claim.name)) for claim in claims}
    new = [claim for claim, owner in owners.items() if owner is None]
    there = set(ledger.taken(connection, new) if new else [])
    there |= {claim for claim in new if claim.kind == "hostname" and find(claims[claim], connection)}
    if not book.run.adopting:
        if unknown := [claim for claim in new if claim in there and not holding(state, claim)]:
            _refuse_unknown(unknown, {*book.claims.values(), *(tenant.stack for tenant in declared.values())} - {book.stack})
        remembered = state.names()
        _refuse_foreign_schemas([plan for plan in planned if plan.logical_name not in remembered], owners, connection)
    leftovers: dict[str, str] = {}
    for claim, owner in owners.items():
        if owner in (None, book.stack) or (import_id := find(claims[claim], connection)) is None:
            continue  # what is claimed by another stack and is not there, that stack has given up
        if holding(stack_state.read(owner), claim):
            _refuse_held(claim, owner, book, declared)
            continue
        leftovers[claims[claim].logical_name] = import_id
    return Names(bool(passing), leftovers, former(planned, state))


def find(plan: Planned, connection: psycopg.Connection) -> str | None:
    """The import id of what is planned, where it is there."""
    try:
        return plan.find(connection)
    except WorkError as error:
        raise WorkError(f"{plan.logical_name}: {error.message}", error.hint) from error


def forgotten(planned: Iterable[Planned], book: Ledger, state: State) -> Iterator[Planned]:
    """What may be there and the state does not know: after a killed run anything, otherwise what an earlier run made (`state delete`)."""
    remembered, ran_before = state.names(), book.stack in book.claims.values()
    for plan in planned:
        if plan.logical_name not in remembered and not plan.made_with:
            known = (plan.claim.kind, plan.claim.name) in book.claims if plan.claim else ran_before
            if known or book.interrupted:
                yield plan


def holding(state: State, claim: Claim) -> Remembered | None:
    """The resource of a state that is what is claimed."""
    return state.holding(*_HELD_AS[claim.kind], claim.name)


def former(planned: Collection[Planned], state: State) -> dict[str, str]:
    """The custom host names that the state holds under another logical name: of a run that did not get to its end, too."""
    hosts = {plan.claim.name: plan.logical_name for plan in planned if plan.claim and plan.claim.kind == "hostname"}
    if not hosts:
        return {}
    type_, key = host_names.HELD_AS
    there = [each for each in state.resources if each.type == type_ and not each.leaving]
    present = {each.name for each in there}
    found = {hosts[each.inputs[key]]: each.urn for each in there if each.inputs.get(key) in hosts}
    return {name: urn for name, urn in found.items() if name not in present}


def _refuse_unknown(claims: Collection[Claim], others: Collection[str]) -> None:
    """A role, a database or a custom host name bears no mark: one that is in no state and was there before a claim is someone else's."""
    for stack in sorted(others):
        for claim in claims:
            if holding(stack_state.read(stack), claim):
                raise WorkError(f"{claim.kind} {claim.name} is the stack {stack}'s", f"tenantry up --stack {stack}, then this")
    on_server = [f"{claim.kind} {claim.name}" for claim in claims if claim.kind != "hostname"]
    if on_server:
        raise WorkError(
            "; ".join(f"{name} is on the server already and Tenantry did not make it" for name in on_server),
            "give the tenant another slug, or have its owner give it another name",
        )
    raise WorkError(
        "; ".join(f"the custom host name {claim.name} is at Cloudflare already and Tenantry did not make it" for claim in claims),
        "take the domain out of the tenant's file, or have its owner give it up at Cloudflare",
    )


def _refuse_foreign_schemas(planned: Collection[Planned], owners: Mapping[Claim, str | None], connection: psycopg.Connection) -> None:
    """A new tenant's schema that is there already is someone else's; its provider would take it over."""
    for plan in planned:
        new = plan.made_with is not None and owners[plan.made_with] is None
        if new and (found := find(plan, connection)):
            raise WorkError(
                f"schema {found} is on the server already and Tenantry did not make it",
                "give the tenant another slug, or have its owner give it another name",
            )


def _refuse_held(claim: Claim, owner: str, book: Ledger, declared: Mapping[str, TenantDeclaration]) -> None:
    """Not in the preview of a command that will have run the owner's stack by then."""
    host_names.refuse_exchange(owner, book.stack, book, declared)
    if pulumi.runtime.is_dry_run() and owner in os.environ.get(host_names.AFTER, "").split():
        return
    what = f"the host name {claim.name}" if claim.kind == "hostname" else f"{claim.kind} {claim.name}"
    raise WorkError(f"{what} is still the stack {owner}'s, which gives it up", f"tenantry up --stack {owner}, then this")
