"""Custom host names that change hands: claimed for one tenant, declared by another, within a stack or between two."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

import psycopg

from tenantry.backend import stack_state
from tenantry.control.database import if_there, transaction
from tenantry.control.ledger import Ledger
from tenantry.declaration import TenantDeclaration
from tenantry.errors import InputError

HELD_AS: Final = ("cloudflare:index/customHostname:CustomHostname", "hostname")
"""The type of what makes a host name, and the input that names it."""

AFTER: Final = "TENANTRY_AFTER_STACKS"
"""Environment of a program in a preview: the stacks that the same command runs before this one."""


class Passing(NamedTuple):
    """A host name that was made for ``giver`` in ``given_by``, and is declared by ``taker`` in ``taken_by``."""

    host: str
    giver: str | None
    given_by: str
    taker: str
    taken_by: str


def passing(book: Ledger, declared: Mapping[str, TenantDeclaration]) -> Iterator[Passing]:
    """Every one of the platform, by the files and the ledger alone."""
    for slug, tenant in declared.items():
        move = book.moves.get(slug)
        stack = move.holder.stack(slug) if move else tenant.stack
        for host in () if tenant.gone else tenant.domains:
            key = ("hostname", host)
            giver, given_by = book.holders.get(key), book.claims.get(key)
            if given_by is None or (giver, given_by) == (slug, stack) or (move and giver == slug):
                continue  # nobody's, its own, or on its way with the tenant itself
            yield Passing(host, giver, given_by, slug, stack)


def refuse_unsafe(found: Passing, book: Ledger, declared: Mapping[str, TenantDeclaration]) -> None:
    """``InputError`` where the giver is on its way out or to another place, or no file says any more what it has."""
    host, giver = found.host, found.giver
    for slug in (giver, found.taker):
        if slug in book.moves:
            raise InputError(
                f"{host} passes from the tenant {giver} to {found.taker} while {slug} is being moved",
                f"end the move first: tenantry move {slug} --finish, or --rollback",
                code="move.underway",
            )
    if giver is None or giver not in book.tenants:
        return
    if giver not in declared:
        raise InputError(
            f"{host} is the tenant {giver}'s, which no file declares",
            f"bring tenants/{giver}.yaml back without it",
            code="declaration.missing",
        )
    if declared[giver].gone or giver in book.released:
        raise InputError(
            f"{host} is the tenant {giver}'s, which is being deleted: the host name then goes into quarantine",
            f"tenantry offboard {giver} --delete ends that; tenantry quarantine release {host} then frees it",
            code="name.taken",
        )


def givers(book: Ledger, declared: Mapping[str, TenantDeclaration]) -> set[tuple[str, str]]:
    """(stack that still has a host name, stack that takes it) for every two stacks: the first has to run before the second."""
    between = [found for found in passing(book, declared) if found.given_by != found.taken_by]
    states = {stack: stack_state.read(stack) for stack in {found.given_by for found in between}}
    return {(found.given_by, found.taken_by) for found in between if states[found.given_by].holding(*HELD_AS, found.host)}


def refuse_exchange(giver: str, taker: str, book: Ledger, declared: Mapping[str, TenantDeclaration]) -> None:
    """``InputError`` where the stack ``giver`` waits for ``taker`` in its turn, perhaps through others: then neither can go first."""
    pairs = givers(book, declared)
    reached, left = set[str](), {giver}
    while left:
        reached |= left
        left = {first for first, second in pairs if second in left} - reached
    if (giver, taker) not in pairs or taker not in reached:
        return
    hosts = sorted(found.host for found in passing(book, declared) if {found.given_by, found.taken_by} <= reached)
    raise InputError(
        f"the stacks {' and '.join(sorted({giver, taker}))} exchange host names ({', '.join(hosts)}): neither can go first",
        "take these host names out of the files and apply that, then put them in again and apply that: tenantry up --all",
        code="name.taken",
    )


def hand_over(hosts: Mapping[str, str]) -> None:
    """Gives custom host names (→ tenant id) that the registry has for another tenant to the one that they are for, in one transaction.

    Before the tenants' records change: so none meets another's host name, whatever their order. A tenant without a row gets them with it.
    """
    values = {"hosts": list(hosts), "ids": list(hosts.values())}

    def work(connection: psycopg.Connection[dict[str, Any]]) -> None:
        connection.execute(
            "UPDATE tenant_domains d SET tenant_id = t.id FROM unnest(%(hosts)s::text[], %(ids)s::uuid[]) o (host, id)"
            " JOIN tenants t ON t.id = o.id AND t.deleted_at IS NULL"
            " WHERE d.host = o.host AND d.tenant_id <> o.id AND d.kind = 'custom'",
            values,
        )
        connection.execute(
            "DELETE FROM tenant_domains d USING unnest(%(hosts)s::text[], %(ids)s::uuid[]) o (host, id)"
            " WHERE d.host = o.host AND d.tenant_id <> o.id AND d.kind = 'custom'",
            values,
        )

    if_there(work, None)


def taken(hosts: Collection[str]) -> list[str]:
    """Those of the host names that the registry has for a tenant that is not deleted."""
    query = "SELECT d.host FROM tenant_domains d JOIN tenants t ON t.id = d.tenant_id WHERE d.host = ANY(%s) AND t.deleted_at IS NULL"
    with transaction() as connection:
        return sorted(row["host"] for row in connection.execute(query, [list(hosts)]))


def of_nobody_else(hosts: Collection[str], tenant_id: str) -> list[str]:
    """Those of the host names that the registry has for no other tenant."""
    query = "SELECT host FROM tenant_domains WHERE host = ANY(%s) AND tenant_id <> %s AND kind = 'custom'"
    with transaction() as connection:
        others = {row["host"] for row in connection.execute(query, [list(hosts), tenant_id])}
    return sorted(set(hosts) - others)
