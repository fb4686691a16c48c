"""Runs the Pulumi program of a stack through the Automation API. The only importer of ``pulumi.automation``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError, StackNotFoundError

from tenantry import waiting
from tenantry.backend import stack_state
from tenantry.backend.state_files import PROJECT
from tenantry.control import admission, engines, host_names, ledger, losses, quarantine, stack_runs, workers
from tenantry.control.admitted import Admitted
from tenantry.control.ledger import Ledger
from tenantry.declaration import Declarations
from tenantry.engine import applied, backend_lock, stack_lock, workspace
from tenantry.engine.failure import explained, is_of_something_gone
from tenantry.engine.outcome import Outcome
from tenantry.engine.progress import Run, Step
from tenantry.errors import WorkError
from tenantry.postgres import server_guard
from tenantry.postgres.server import Server
from tenantry.settings import platform_settings, project_root
from tenantry.stores import program_door

BULK = 5
"""From this many new tenants on, the state is saved once at the end: each save writes all of it, and adoption finds what a kill loses."""


def preview(
    stack: str, admitted: Admitted, report: Callable[[Step], None], *, refresh: bool = False, after: Collection[str] = ()
) -> Outcome:
    """What ``up`` would do, once the stacks ``after`` which it comes have given up what they give up. Writes nothing but, the first
    time, an empty stack."""
    _check(stack, admitted)
    environment = {host_names.AFTER: " ".join(sorted(after))} if after else {}
    return _run(
        stack, report, lambda handle, run: handle.preview(on_event=run, refresh=refresh or None, suppress_outputs=True), environment
    )


def up(
    stack: str,
    admitted: Admitted,
    report: Callable[[Step], None],
    *,
    refresh: bool = False,
    variables: Mapping[str, str] | None = None,
) -> Outcome:
    """Makes the stack what its declarations say. One at a time per stack; ``WorkError`` says what failed and what to do.

    ``variables`` reach the program and its providers.

    The stack of a dedicated tenant that is declared ``deleted`` or ``archived`` goes when all that was in it has gone.
    """
    with stack_lock.held(stack):
        book, never_made, declared = _check(stack, admitted)
        # A bare run after a killed one makes everything and leaves the killed one's operations marked as under way.
        unsettled = book.interrupted or bool(stack_state.read(stack).pending)
        with Server.from_environment().kept() as connection:
            server_guard.mend(connection)
        token = str(uuid4())
        environment = {
            **(variables or {}),
            stack_runs.TOKEN: token,
            **({"PULUMI_SKIP_CHECKPOINTS": "true"} if _bulk(book, declared) else {}),
        }
        if worker := workers.own():
            environment[engines.WORKER] = worker

        def once(interrupted: bool, refresh: bool = refresh) -> Outcome:
            return _run(
                stack,
                report,
                lambda handle, run: _up(handle, run, refresh),
                environment,
                repair=interrupted,
            )

        try:
            outcome = once(unsettled)
        except backend_lock.Held:
            raise
        except WorkError as error:
            if is_of_something_gone(error) and not refresh:
                # One lost answer to a DELETE is enough, and without a refresh every run after it would fail in the same place.
                outcome = once(True, refresh=True)
            elif unsettled:
                # A plugin outlives its killed engine by a moment: what it still made after the gate had looked is found the second time.
                outcome = once(True)
            else:
                raise
        applied.record(stack, token)
        tenant = declared.get(stack)
        if (tenant is None and stack in never_made) or (tenant is not None and tenant.gone):
            automation.LocalWorkspace(str(project_root())).remove_stack(stack)
            # The engine would go on remembering which stack was worked on last.
            workspace.command().run(["stack", "unselect"], str(project_root()), {})
            with Server.from_environment().kept() as connection:
                ledger.forget_stack(connection, stack)
        return replace(outcome, let_go=never_made)


def _up(handle: automation.Stack, run: Run, refresh: bool) -> None:
    _begin(handle.name)
    handle.up(on_event=run, refresh=refresh or None, suppress_outputs=True, show_secrets=False)


def _begin(stack: str) -> None:
    """Before each command of the engine's that takes the backend's lock."""
    with Server.from_environment().kept() as connection:
        engines.begin(connection, stack)


def forget(stack: str, slug: str) -> int:
    """Takes a tenant out of the stack's state, all but its tables, without touching what is there: another stack takes it over.

    How many resources were forgotten. The DNS record of a dedicated tenant stays, for the stack's next run to remove.
    """
    with stack_lock.held(stack):
        try:
            handle = automation.select_stack(stack, work_dir=str(project_root()))
            exported = handle.export_stack()
            content = dict(exported.deployment or {})
            content.pop("pending_operations", None)
            resources = content.get("resources") or []
            gone = {resource["urn"] for resource in resources if _passes_on(resource, slug)}
            if gone:
                content["resources"] = [_without(resource, gone) for resource in resources if resource["urn"] not in gone]
                _begin(stack)
                handle.import_stack(automation.Deployment(version=exported.version, deployment=content))
            return len(gone)
        except StackNotFoundError:
            return 0
        except CommandError as error:
            raise explained(stack, [], str(error)) from error


def _passes_on(resource: Mapping[str, Any], slug: str) -> bool:
    parent, kind = str(resource.get("parent", "")), str(resource["type"])
    if parent.endswith(f"tenantry:tenant:Tenant::{slug}"):
        return bool(resource.get("custom"))
    return parent.endswith(f"tenantry:tenant:TenantDomain::{slug}-domain") and kind.startswith("cloudflare:index/customHostname:")


def _without(resource: Mapping[str, Any], gone: set[str]) -> dict[str, Any]:
    """The resource with no mention of what is gone: the engine refuses a state in which something hangs in the air."""
    kept = {**resource, "dependencies": [urn for urn in resource.get("dependencies") or () if urn not in gone]}
    by_property = resource.get("propertyDependencies")
    if by_property:
        kept["propertyDependencies"] = {name: [urn for urn in urns or () if urn not in gone] for name, urns in by_property.items()}
    return kept


def remove_if_empty(stack: str) -> bool:
    """Removes a stack that holds nothing any more; whether it did."""
    with stack_lock.held(stack):
        try:
            handle = automation.select_stack(stack, work_dir=str(project_root()))
            resources = (handle.export_stack().deployment or {}).get("resources") or []
            if any(not str(resource["type"]).startswith("pulumi:") for resource in resources):
                return False
            automation.LocalWorkspace(str(project_root())).remove_stack(stack)
        except StackNotFoundError:
            pass
        except CommandError as error:
            raise explained(stack, [], str(error)) from error
    return True


def _check(stack: str, admitted: Admitted) -> tuple[Ledger, frozenset[str], Declarations]:
    """The ledger as the run will find it, the tenants that it will let go, and all tenants as it will make them: as they were admitted,
    unless another run has begun or ended since."""
    program_door.enter(stack)
    with Server.from_environment().kept() as connection:
        book = admitted.book.now(connection, stack)
    if book.runs != admitted.book.runs:
        admitted = admission.admit(admitted.declared, book)
    admission.refuse_older_code(admitted, book)
    declared = admitted.declared
    never_made = losses.refuse(book, declared, protects=platform_settings().protects)
    book = book.without(never_made)
    quarantine.refuse_declared([tenant for tenant in declared.values() if tenant.stack == stack], book)
    return book, never_made, declared


def _bulk(book: Ledger, declared: Declarations) -> bool:
    mine = [tenant for tenant in declared.values() if tenant.stack == book.stack]
    new = [tenant for tenant in mine if tenant.slug not in book.tenants and not tenant.gone]
    # A removal whose record is lost would be tried again on what is gone: then every step is saved.
    return len(new) >= BULK and not any(tenant.gone for tenant in mine)


def _run(
    stack: str,
    report: Callable[[Step], None],
    work: Callable[[Any, Run], object],
    environment: Mapping[str, str] | None = None,
    *,
    repair: bool = False,
) -> Outcome:
    run = Run(stack, report)
    with waiting.on(run.told):
        return _run_told(run, work, environment or {}, repair)


def _run_told(run: Run, work: Callable[[Any, Run], object], environment: Mapping[str, str], repair: bool) -> Outcome:
    started, stack = time.monotonic(), run.stack
    try:
        if repair:
            _mend_file_backend()
        with Server.from_environment().kept() as connection:
            last = engines.read(connection, stack)
        handle = workspace.handle(stack, environment)
        try:
            _work(handle, run, work, repair)
        except StackNotFoundError:
            workspace.create(stack)
            work(handle, run)
        except ConcurrentUpdateError as error:
            backend_lock.refuse_unless_dead(stack, str(error), last)
            handle.cancel()
            _work(handle, run, work, repair)
    except CommandError as error:
        raise explained(stack, run.problems, str(error)) from error
    return Outcome(stack, run.changed, tuple(run.steps), time.monotonic() - started)


def _work(handle: automation.Stack, run: Run, work: Callable[[Any, Run], object], repair: bool) -> None:
    if repair:
        _forget_pending(handle)
    work(handle, run)


def _mend_file_backend() -> None:
    """A file backend keeps attributes beside each state and does not write them atomically: what a kill left empty makes it unreadable."""
    backend = urlsplit(os.environ.get("PULUMI_BACKEND_URL", ""))
    if backend.scheme == "file":
        for attributes in (Path(unquote(backend.path)) / ".pulumi" / "stacks" / PROJECT).glob("*.attrs"):
            if attributes.stat().st_size == 0:
                attributes.unlink()


def _forget_pending(handle: automation.Stack) -> None:
    """A killed run leaves operations marked as under way. The gate finds what they made, so the marks only block."""
    exported = handle.export_stack()
    content = dict(exported.deployment or {})
    if content.pop("pending_operations", None):
        _begin(handle.name)
        handle.import_stack(automation.Deployment(version=exported.version, deployment=content))
