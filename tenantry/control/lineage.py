"""A stack knows its own state: a run that is given another one, an older one or none is refused before its first resource.

Ledger and state bear the same identity, the lineage, made with the stack. What the engine would do with a wrong state is to make everything
anew, or to set what was long changed since; both shut applications out. Why it is so: docs/adr/0027-applied-is-evidence.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import psycopg

from tenantry import naming
from tenantry.backend.stack_state import State
from tenantry.control import ledger, passwords, stack_runs
from tenantry.control.ledger import Claim, Ledger
from tenantry.declaration.placement import Location, Place
from tenantry.errors import WorkError
from tenantry.postgres.server import Server


def require(connection: psycopg.Connection, book: Ledger, state: State) -> None:
    """Raises ``WorkError`` unless ``state`` is the stack's, with where the right one was seen last and what to type."""
    stack, run = book.stack, book.run
    lost = f"where it is lost: tenantry state adopt {stack}"
    refuse_renamed(book, state)
    if run.adopting and passwords.choice() is None:
        raise WorkError(
            f"the state of the stack {stack} is being adopted, and that has not ended",
            f"tenantry state adopt {stack} resumes it",
            code="state.wrong",
        )
    if state.lineage and not run.lineage:
        server = Server.from_environment()
        raise WorkError(
            f"the state of the stack {stack} is another platform's: the ledger on {server.host}:{server.port} does not know it",
            f"check PGHOST and PGPORT; where the ledger is lost: tenantry state adopt {stack}",
            code="state.wrong",
        )
    if run.lineage and state.lineage != run.lineage and _expected(connection, book, state):
        here = stack_runs.here()["backend"]
        if here == run.seen.get("backend"):
            raise WorkError(
                f"what {here} has for the stack {stack} is not the stack's state: {_seen(book)}",
                f"bring it back; {lost}",
                code="state.wrong",
            )
        raise WorkError(
            f"the state of the stack {stack} is not in {here}: {_seen(book)}",
            f"point PULUMI_BACKEND_URL there, or bring the state along with pulumi stack export and import; {lost}",
            code="state.wrong",
        )
    if older := sorted(name for name, changed in state.passwords().items() if changed < run.passwords.get(name, changed)):
        raise WorkError(
            f"the state of the stack {stack} is older than what was seen of it: {older[0]} was changed {_said(run.passwords[older[0]])},"
            f" which it does not know ({_seen(book)})",
            f"bring the newer state back; {lost}",
            code="state.wrong",
        )


def require_passwords(connection: psycopg.Connection, book: Ledger, state: State, logins: Mapping[str, str | None]) -> None:
    """Raises ``WorkError`` where the state has lost a resource that knows the password of a log-in that is there: made again it would have
    another, and its application would be out.

    ``logins``: resource → login role on the platform's server; None: on a server of the tenant's own.
    """
    lost = {name: role for name, role in logins.items() if name in book.run.passwords and name not in state.names()}
    if not lost or book.run.adopting:
        return
    there = {claim.name for claim in ledger.taken(connection, [Claim("role", role, None) for role in lost.values() if role])}
    if standing := sorted(name for name, role in lost.items() if role is None or role in there):
        raise WorkError(
            f"the state of the stack {book.stack} is older than what was seen of it, or was edited: {', '.join(standing)} is not in it,"
            f" and nor is the password that nothing else knows ({_seen(book)})",
            f"bring the newer state back; where it is lost: tenantry state adopt {book.stack}",
            code="state.wrong",
        )


def logins(stack: str, places: Iterable[tuple[str, Place]]) -> dict[str, str | None]:
    """The login roles of a stack whose tenants have tables at ``places`` (slug, place), by the resource that knows the password of each.

    As ``require_passwords`` takes it.
    """
    found: dict[str, str | None] = {}
    if (cell := naming.cell_of_stack(stack)) is not None:
        found |= {
            "platform-tables": naming.cell_app(cell),
            "platform-control-tables": naming.CONTROL_APP,
            "platform-control-directory-login": naming.CONTROL_DIRECTORY,
        }
    for slug, place in places:
        role = None if place.isolation == "instance" else Location.of(slug, place).app_role
        found[f"{naming.tenant_resources(slug, place.turn)}-tables"] = role
    return found


def known_places(book: Ledger) -> Iterator[tuple[str, Place]]:
    """Where the stack's tenants have tables of their own, as the ledger has it."""
    for slug, tenant in book.tenants.items():
        if tenant.stack == book.stack and tenant.isolation != "rls":
            yield slug, Place(tenant.isolation, tenant.cell, tenant.turn)  # type: ignore[arg-type]  # the ledger keeps it as text


def refuse_renamed(book: Ledger, state: State) -> None:
    """Raises ``WorkError`` for the state of another stack, which was renamed to this one."""
    other = book.lineages.get(state.lineage or "", book.stack)
    if other != book.stack:
        raise WorkError(
            f"this state is the stack {other}'s, which was renamed to {book.stack}",
            f"pulumi stack rename {other} --stack {book.stack} renames it back",
            code="state.wrong",
        )


def _expected(connection: psycopg.Connection, book: Ledger, state: State) -> bool:
    """Whether a state without the stack's lineage can only be a wrong one."""
    if state.lineage:
        return True
    if state.resources:
        return book.run.borne  # a first run that was killed, and whatever is from before there were lineages, bears none
    return book.run.made and _stands(connection, book)


def _stands(connection: psycopg.Connection, book: Ledger) -> bool:
    """Whether anything of the stack is still there. After `pulumi destroy` nothing is, and the stack begins anew."""
    mine = [Claim(kind, name, None) for (kind, name), stack in book.claims.items() if stack == book.stack]  # type: ignore[arg-type]
    return any(tenant.stack == book.stack for tenant in book.tenants.values()) or bool(ledger.taken(connection, mine))


def _seen(book: Ledger) -> str:
    seen = book.run.seen
    at = f", {_said(book.run.began_at)}" if book.run.began_at else ""
    return f"it was last seen in {seen.get('backend', '?')}, from {seen.get('folder', '?')} on {seen.get('host', '?')}{at}"


def _said(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else "never"
