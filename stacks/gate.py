"""What must hold before a stack's first resource: nothing is refused halfway, nothing is made that nobody claimed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

import pulumi

from components.adoption import Adoption
from components.pictures import PublishedPictures
from stacks import names, replacements
from stacks.claims import Planned
from stacks.stack_tenants import StackTenant
from tenantry import naming
from tenantry.backend import stack_state
from tenantry.backend.stack_state import State
from tenantry.clients import platform_identity
from tenantry.control import admission, engines, host_names, ledger, lineage, losses, quarantine, stack_runs, unmade
from tenantry.control.admitted import Admitted
from tenantry.control.ledger import Ledger
from tenantry.declaration import Declarations, TenantDeclaration
from tenantry.errors import InputError
from tenantry.postgres import server_guard
from tenantry.postgres.server import Server
from tenantry.settings import PlatformSettings
from tenantry.stores import program_door

RESERVE = 25
"""Sessions that a login of the platform's leaves to the operators, the workers and the other tenants' logins."""
MINIMUM = 10


def read(stack: str) -> tuple[Ledger, State]:
    """The ledger as the run finds it, with the moves that are under way, and the stack's state. ``WorkError`` for one that is not the
    stack's, ``InputError`` for a platform that is newer than this program."""
    program_door.enter(stack)
    state = stack_state.read(stack)
    with Server.from_environment().connect() as connection:
        book = Ledger.read(connection, stack)
        lineage.require(connection, book, state)
    return book, state


def admit(book: Ledger, files: Declarations) -> Admitted:
    """The tenants as the stack makes them. Says of whose files it makes nothing, or not all; ``InputError`` where that is a dedicated
    stack's only one, and for older code."""
    admitted = admission.admit(files, book)
    admission.refuse_older_code(admitted, book)
    for slug, verdict in admitted.verdicts.items():
        tenant = admitted.declared.get(slug) or files[slug]
        if tenant.stack != book.stack:
            continue
        if verdict.kind == "older" and tenant.stack == slug:
            admitted.require(slug)
        pulumi.log.warn(f"{verdict.message}\n{verdict.hint}")
    return admitted


def pictures(admitted: Admitted, tenant: TenantDeclaration, settings: PlatformSettings) -> PublishedPictures | None:
    """The pictures of a tenant that stays as it is; None: those of the checkout."""
    if tenant.slug not in admitted.kept:
        return None
    return PublishedPictures(tenant, naming.bucket(settings.bucket_prefix, tenant.cell))


def require_cell(book: Ledger, cell: str) -> None:
    """Raises ``InputError`` where a cell that the stack needs was never applied. Its stack is not asked: see ``stacks.dedicated``."""
    if book.claims.get(("role", naming.cell_owner(cell))) != naming.cell_stack(cell):
        raise InputError(
            f"the stack {book.stack} needs the cell {cell}, which was never applied",
            f"apply it first: tenantry up --stack {naming.cell_stack(cell)}",
        )


def room() -> int:
    """Sessions that one login may have at most: those of the server that are not reserved, less some for all others."""
    with Server.from_environment().connect() as connection:
        row = connection.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
            " - current_setting('reserved_connections')::int"
        ).fetchone()
    return max(MINIMUM, (row[0] if row else 0) - RESERVE)


def enter(
    book: Ledger,
    state: State,
    held: Collection[StackTenant],
    admitted: Admitted,
    planned: Iterable[Planned],
    settings: PlatformSettings,
) -> Adoption:
    """Refuses edits that would lose data, writes down what is going to be made, and says what a killed run left behind.

    The stack's lineage becomes an output, by which the state bears it. ``held`` are the stack's tenants, ``admitted`` all,
    ``settings`` the platform's. Raises ``InputError`` for a refused edit or a name in quarantine and ``WorkError`` for a name
    that is someone else's; a preview writes nothing.
    """
    planned, declared = list(planned), admitted.declared
    with Server.from_environment().connect() as connection:
        connection.autocommit = True
        present = [tenant for tenant in held if not tenant.declaration.gone]
        places = ((tenant.declaration.slug, tables.place) for tenant in present for tables in tenant.tables)
        lineage.require_passwords(connection, book, state, lineage.logins(book.stack, places))
        entered, never_made = book, losses.refuse(book, declared, protects=settings.protects)
        book = book.without(never_made)
        quarantine.refuse_declared([tenant.declaration for tenant in held if tenant.row], book)
        for slug in sorted(never_made):
            pulumi.log.info(unmade.said(slug))
        if state.pending:
            # Not after `tenantry up`, which settles them before it starts the engine.
            begun = f"{', '.join(state.pending[:3])}{f' and {len(state.pending) - 3} more' if len(state.pending) > 3 else ''}"
            pulumi.log.warn(f"a killed run had begun, and nobody has settled: {begun}; tenantry up --stack {book.stack} settles it")
        replacements.guard(book.stack, state, planned)
        settled = names.settle(connection, book, declared, planned, state)
        if not pulumi.runtime.is_dry_run():
            # Whoever adopts goes by marks, which another platform's things bear too; the first run of all says whose the names are.
            if book.interrupted or (book.stack == naming.SHARED_STACK and not book.run.made):
                platform_identity.require(connection, settings.bucket_prefix, adopting=book.run.adopting)
            server_guard.mend(connection)
            unmade.let_go(connection, entered, never_made)
            # A tenant that is gone stays out of the ledger, or its file could never be removed.
            entering = [d for d in (tenant.declaration for tenant in held if tenant.row) if not d.gone or d.slug in book.tenants]
            known = [admitted.entry(declaration) for declaration in entering]
            claims = [plan.claim for plan in planned if plan.claim]
            pulumi.export("lineage", ledger.begin(connection, book, claims, known, state))
            admission.note_accepted(admitted, entering)
            engines.note(connection, book.stack)
            if settled.passing or settled.former or book.interrupted:
                host_names.hand_over({host: str(tenant.id) for tenant in entering if not tenant.gone for host in tenant.domains})
            if book.interrupted:
                replacements.settle(book.stack, state)
        elif book.run.lineage:
            pulumi.export("lineage", book.run.lineage)
        found: dict[str, str | None] = {**settled.leftovers}
        forgotten = [plan for plan in names.forgotten(planned, book, state) if plan.logical_name not in settled.former]
        found |= {plan.logical_name: names.find(plan, connection) for plan in forgotten}
    ids = {name: import_id for name, import_id in found.items() if import_id and not state.holds(import_id)}
    return Adoption(ids, settled.former)


def leave(stack: str, resources: Collection[pulumi.Resource]) -> None:
    """Writes down, once every resource is made, that the program reached its end; one that fails or is killed never gets there.

    What it removes comes after that, and what it was told to leave out it does not know: see ``operations.applied``. Not where the
    engine saves its state only after the program has ended: then whoever asked for that says when it is over.
    """
    if pulumi.runtime.is_dry_run() or _saved_at_the_end():
        return

    def finish(_ids: object) -> None:
        with Server.from_environment().connect() as connection:
            stack_runs.reach_end(connection, stack)

    pulumi.Output.all(*[resource.id for resource in resources if isinstance(resource, pulumi.CustomResource)]).apply(finish)


def _saved_at_the_end() -> bool:
    """Whether the engine was told so, as it reads such a variable."""
    value = os.environ.get("PULUMI_SKIP_CHECKPOINTS", "")
    return value == "1" or value.lower() == "true"
