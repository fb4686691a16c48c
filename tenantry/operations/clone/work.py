"""Cloning as durable work: check, declare, provision, copy, verify. Killed anywhere, it goes on; what is not complete is never open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import admission, clones, occupancy, runs, works
from tenantry.control.tenant_pages import EVERYTHING, Sight
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.model import ISOLATIONS
from tenantry.errors import InputError, WorkError
from tenantry.operations import engine_step, table_check
from tenantry.operations.backup import proof
from tenantry.operations.clone import catalog, classification, declare, fill, objects, plan
from tenantry.operations.clone.classification import Classification
from tenantry.operations.clone.key import Key
from tenantry.postgres import migrations, revisions
from tenantry.postgres.server import Server, acting_as
from tenantry.problems import nearest
from tenantry.stores import disk
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import queue
from tenantry.work.step import Kind, Patience, Run, Step


def request(
    source: str,
    new: str,
    *,
    actor: Actor,
    salt: str | None = None,
    isolation: str | None = None,
    admin: str | None = None,
    file: Path | None = None,
    labels: Mapping[str, str] | None = None,
) -> UUID:
    """Asks for ``new``, an anonymised clone of ``source``; the run's id. A run that is under way is joined, one that failed resumed.
    ``labels``: what its file gives it besides the label that makes it a clone.

    Raises ``InputError`` before anything is touched: unknown source, a slug that is taken or no slug, a column that nobody classified,
    too little disk.
    """
    store = TenantStore.of(source)
    if isolation is not None and isolation not in ISOLATIONS:
        raise InputError(f"there is no isolation {isolation!r}", nearest(isolation, ISOLATIONS))
    declare.require_free(new, source, {other.slug for other in TenantStore.every()})
    declaration = _source(source)
    occupancy.refuse(store.id, works.Kind.CLONE_SOURCE)
    plan.make(fill.shape(store), classification.read(file))
    mine = declare.declared(new)
    if mine is not None and isolation not in (None, mine.isolation):
        raise InputError(f"tenants/{new}.yaml says isolation: {mine.isolation}", "leave --isolation out, or choose another slug with --as")
    chosen, cell = (mine.isolation, mine.cell) if mine else declare.place(declaration, isolation)
    if mine is None:
        declare.check(declaration, new, isolation=chosen, cell=cell, admin=admin, labels=labels)
    arguments: dict[str, Any] = {
        "source": source,
        "salt": salt or new,
        "isolation": chosen,
        "cell": cell,
        "admin": admin,
        "classification": str(file.absolute()) if file else None,
    }
    if labels:
        arguments["labels"] = dict(labels)
    tenant_id = naming.tenant_id(new)
    last = runs.last(tenant_id, CLONE.name)
    if last is not None and last["state"] in ("failed", *runs.OPEN) and last["arguments"] == arguments:
        return queue.join(last["id"], actor=actor)
    done = clones.find(new)
    if done is not None and done["state"] == "ready":
        raise InputError(
            f"the clone {new} exists already", f"tenantry offboard {new} removes it; or choose another slug with --as", code="tenant.exists"
        )
    if chosen != "instance":  # a server of its own is made with room
        disk.require(disk.copy_of(store), new, None)
    stack = naming.stack_of(chosen, cell, new)
    return queue.request(runs.Request(CLONE.name, new, tenant_id=tenant_id, stack=stack, arguments=arguments, actor=actor))


@dataclass(frozen=True)
class CloneEntry:
    """One clone that is not deleted."""

    slug: str
    source: str | None
    """The tenant that it is a copy of; None once that was erased."""
    isolation: str
    state: str
    """``filling`` or ``ready``."""
    salt: str
    classification: str
    """The SHA-256 of the file that decided what crossed."""
    rows_copied: int
    objects_copied: int
    filled_at: datetime | None


def listed(sight: Sight = EVERYTHING) -> tuple[CloneEntry, ...]:
    """The clones that are in ``sight``, by slug."""
    return tuple(CloneEntry(**row) for row in clones.every(sight))


@dataclass(frozen=True)
class Checked:
    """What holding the classification against the tables found. ``problems`` are lines for people."""

    content: Classification
    problems: tuple[str, ...]
    revision: str
    """That of the tables that were looked at: the newest, migrated or not."""
    pending: bool
    """Whether the cell's own tables are not there yet, and a clone is held against what they are now."""


def check(file: Path | None = None, cell: str = naming.MAIN_CELL) -> Checked:
    """The classification held against the registry and a cell's tables as they are at the newest revision; every problem.

    Where the cell lags, its tables are made at that revision in a scratch database, so that a column is classified before it is
    rolled out, not when the first clone is refused.
    """
    content = classification.read(file)
    server, head = Server.from_environment(), revisions.head("tenant")
    with server.connect(naming.CONTROL_DATABASE) as connection, acting_as(connection, naming.CONTROL_OWNER):
        control = catalog.tenant_tables(connection, naming.CONTROL_SCHEMA)
    owner, schema = naming.cell_owner(cell), naming.SHARED_SCHEMA
    with server.connect(naming.cell_database(cell)) as connection, acting_as(connection, owner):
        pending = revisions.version(connection, schema) != head
        tables = None if pending else _catalog(connection, schema)
    if tables is None:
        with proof.scratch_on(server, owner) as scratch, server.connect(scratch.database) as connection:
            with acting_as(connection, owner):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
            table_check.make(connection, owner)
            with acting_as(connection, owner):
                tables = _catalog(connection, schema)
    return Checked(content, tuple(str(problem) for problem in plan.examine(tables, content, control)), head, pending)


def _catalog(connection: psycopg.Connection, schema: str) -> catalog.Catalog:
    connection.execute("SELECT set_config('search_path', %s, true)", [migrations.search_path(schema)])
    return catalog.read(connection, schema)


def _source(slug: str) -> TenantDeclaration:
    declaration = declare.declared(slug)
    if declaration is None:
        raise InputError(
            f"no file tenants/{slug}.yaml", "a clone takes its tier, looks and limits from its source's file", code="declaration.missing"
        )
    if declaration.state not in ("active", "suspended"):
        raise InputError(
            f"tenants/{slug}.yaml says state: {declaration.state}", "only an active or suspended tenant is cloned", code="tenant.state"
        )
    return declaration


def _classification(run: Run) -> Classification:
    return classification.read(Path(named) if (named := run.arguments["classification"]) else None)


def _check(run: Run) -> str:
    source = TenantStore.of(run.arguments["source"])
    occupancy.refuse(source.id, works.Kind.CLONE_SOURCE)
    content = _classification(run)
    made = plan.make(fill.shape(source), content)
    columns = sum(len(columns) for columns in made.tables.values())
    return f"{len(made.tables)} tables, {columns} columns, all classified by {content.name} ({content.digest[:12]})"


def _declare(run: Run) -> str:
    source, new = run.arguments["source"], run.subject
    mine = declare.declared(new)
    if mine is not None:
        if not declare.is_clone_of(mine, source):
            raise WorkError(f"tenants/{new}.yaml was written meanwhile, and not for this clone", "choose another slug with --as")
        return ""
    arguments = {name: run.arguments[name] for name in ("isolation", "cell", "admin")}
    return f"wrote {declare.write(_source(source), new, labels=run.arguments.get('labels'), **arguments).name}"


def _provision(run: Run) -> str:
    """The engine's part: registry, store, credentials of its own, branding. No invitation is issued, and no mail queued."""
    _declare(run)  # the step before may have been done by a worker with another checkout
    return engine_step.apply(run, admission.load().declared[run.subject].stack)


def _copy(run: Run) -> str:
    source, target = TenantStore.of(run.arguments["source"]), TenantStore.of(run.subject)
    content = _classification(run)
    shape = fill.shape(source)
    made = plan.make(shape, content)
    if differing := plan.differences(shape, fill.shape(target), made):
        raise WorkError(f"{source.slug} and {target.slug} are not of the same migration: {differing[0]}", f"tenantry migrate {source.slug}")
    clones.begin(target.id, source.id, run.arguments["salt"], content.digest)
    counts = fill.fill(source, target, made, Key.of(source.slug, run.arguments["salt"]), run.tell)
    run.note("rows", counts)
    return ", ".join(f"{table} {count:,}" for table, count in counts.items())


def _objects(run: Run) -> str:
    source, target = TenantStore.of(run.arguments["source"]), TenantStore.of(run.subject)
    copied = objects.copy(source, target, _classification(run).objects, run.tell)
    run.note("objects", copied)
    return f"{copied:,} objects" if copied else ""


def _verify(run: Run) -> str:
    """What the clone's application sees is what was sent; then the clone is marked complete."""
    target, sent = TenantStore.of(run.subject), run.notes["rows"]
    seen = fill.count(target, list(sent))
    if wrong := [f"{table} has {seen[table]:,} rows of {count:,}" for table, count in sent.items() if seen[table] != count]:
        raise WorkError(f"the clone {run.subject} is not complete: {wrong[0]}", f"was it written to meanwhile? tenantry resume {run.id}")
    rows = sum(sent.values())
    clones.ready(target.id, rows, run.notes.get("objects", 0))
    return f"{rows:,} rows, references and unique keys checked by PostgreSQL"


def _steps(_: Run) -> Sequence[Step]:
    return (
        Step("classification", _check),
        Step("declaration", _declare),
        Step("provision", _provision, Patience(10)),
        Step("rows", _copy),
        Step("objects", _objects),
        Step("verification", _verify),
    )


CLONE: Final = Kind("clone", _steps)
