"""Provisioning a tenant: the eight steps of a new tenant's first day, as durable work.

Steps 2 to 5 are one run of the engine, whose events are told apart by the kind of resource.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import admission, host_names, losses, quarantine, registry, runs
from tenantry.control.admitted import Admitted
from tenantry.declaration import TenantDeclaration, placement
from tenantry.declaration.history import differences, load_revision
from tenantry.declaration.store import DeclarationStore
from tenantry.declaration.tree import Tree
from tenantry.engine import fleet
from tenantry.engine.applied import Evidence
from tenantry.engine.progress import said
from tenantry.errors import InputError
from tenantry.operations import engine_step, mailing, welcome
from tenantry.operations.purpose import Purpose
from tenantry.problems import did_you_mean
from tenantry.settings import platform_settings, tenants_dir
from tenantry.stores import program_door
from tenantry.sweep import over
from tenantry.work import queue
from tenantry.work.step import Kind, Log, Parts, Patience, Run, Step

DATABASE, CONFIGURATION, DOMAIN, BRANDING = ENGINE_PARTS = ("database", "configuration", "domain and certificate", "branding")

ADMITTED: Final = "admitted"
"""What the first step leaves to the engine's at hand."""

# By the package or the name of a resource's type; what is not listed (the registry's row, the component itself) belongs to no part.
_PART_OF: Final = {
    "postgresql": DATABASE, "Store": DATABASE, "rds/instance": DATABASE, "TenantDatabase": DATABASE,
    "ConfigurationRows": CONFIGURATION, "cloudflare": DOMAIN, "TenantDomain": DOMAIN, "s3/bucketObjectv2": BRANDING,
}  # fmt: skip


def request(slug: str, *, actor: Actor, welcome: bool = True) -> UUID:
    """Asks for the tenant to be provisioned, and for its administrator to be welcomed unless that is not wanted; the run's id.

    The run that is under way for the same declaration is joined, one that failed is resumed (from the beginning where it was for
    another declaration), and one that made what is declared now is given again. Raises ``InputError`` for a tenant that no file declares,
    or that its file does not call active.
    """
    admitted = admission.load_together()
    return _ask_all(admitted, [_declared(slug, admitted)], lambda _: welcome, actor=actor)[0]


def request_all(slugs: Sequence[str], *, actor: Actor) -> list[UUID]:
    """As ``request`` for several tenants, all of them or none: ``InputError`` for one that cannot be provisioned."""
    admitted = admission.load_together()
    chosen = [_declared(slug, admitted) for slug in dict.fromkeys(slugs)]
    return _ask_all(admitted, chosen, lambda _: True, actor=actor)


def _ask_all(
    admitted: Admitted, chosen: Sequence[TenantDeclaration], welcome: Callable[[TenantDeclaration], bool], *, actor: Actor
) -> list[UUID]:
    """Asks for all, whatever becomes of one; then ``WorkError`` for those that could not be asked for."""
    program_door.enter()  # else it would be said of each
    evidence = Evidence.of({declaration.stack for declaration in chosen})
    purposes = Purpose.of(admitted, [declaration.slug for declaration in chosen])

    def ask(tenant: TenantDeclaration) -> UUID:
        last = runs.last(tenant.id, PROVISION.name)
        if last is not None and last["state"] == "done" and evidence.applied(admitted, tenant.slug):
            return UUID(str(last["id"]))
        wanted, arguments = purposes[tenant.slug], {"welcome": welcome(tenant)}
        return queue.pursue(
            runs.Request(
                PROVISION.name, tenant.slug, tenant.id, tenant.stack, arguments, actor, declared=wanted.declared, commit=wanted.commit
            ),
            ("record", *ENGINE_PARTS),
        )

    swept = over(chosen, ask)
    swept.refuse("asking for the provisioning", lambda declaration: declaration.slug)
    return swept.results


def changed_since(reference: str) -> set[str]:
    """The tenants whose effective declaration, logo or icon differs from that of another commit, by slug; removed ones as well."""
    directory = tenants_dir()
    tree = Tree.of(directory, DeclarationStore(directory).load())
    return {change.slug for change in differences(load_revision(directory, reference, tree), tree)}


def _declared(slug: str, admitted: Admitted) -> TenantDeclaration:
    declared = admitted.declared
    admitted.require(slug)
    if slug not in declared:
        raise InputError(
            f"no file tenants/{slug}.yaml", did_you_mean(slug, declared, f"tenantry new {slug} --tier starter"), code="tenant.unknown"
        )
    return _active(declared[slug])


def _active(declaration: TenantDeclaration) -> TenantDeclaration:
    if declaration.state != "active":
        raise InputError(
            f"tenants/{declaration.slug}.yaml says state: {declaration.state}",
            "only an active tenant is provisioned; tenantry up applies the others",
            code="tenant.state",
        )
    return declaration


def _asked_for(run: Run, admitted: Admitted) -> TenantDeclaration:
    """The run's tenant as it is made here. That this worker's own file is older does not matter: the ledger has what was asked for."""
    verdict = admitted.verdicts.get(run.subject)
    if run.declared is not None and verdict is not None and verdict.kind == "older":
        return _active(admitted.declared[run.subject])
    return _declared(run.subject, admitted)


def _admitted(run: Run) -> Admitted:
    """The tenants as they are made here. ``OtherFiles`` where the run's is neither as it was asked for nor newer."""
    admitted: Admitted = run.at_hand.pop(ADMITTED, None) or admission.load()
    newer = Purpose(run.declared, run.commit).newer(admitted, run.subject) if run.declared is not None else ""
    if newer != run.notes.get("newer", ""):
        run.note("newer", newer)
    return admitted


def _record(run: Run) -> str:
    """Reads and checks the declaration, and enters the tenant into the registry before anything is made."""
    admitted = _admitted(run)
    declaration = _asked_for(run, admitted)
    entered = enter(declaration.stack, [declaration], admitted)
    run.at_hand[ADMITTED] = admitted
    if not entered:
        return "the registry knows the tenant already"
    return f"{declaration.name}, tier {declaration.tier}, isolation {declaration.isolation}, stack {declaration.stack}"


def enter(stack: str, tenants: Sequence[TenantDeclaration], admitted: Admitted) -> list[str]:
    """Enters into the registry those of the stack's tenants that it does not know, as ``provisioning``; their slugs. ``InputError`` for
    what the run would be refused for."""
    settings = platform_settings()
    book = admitted.book.of_stack(stack)
    losses.refuse(book, admitted.declared, protects=settings.protects)
    quarantine.refuse_declared(tenants, book)
    entered = []
    for tenant in tenants:
        row = placement.row(tenant, settings)
        if registry.read_record(str(tenant.id)) is None:
            # What another tenant still has comes to this one with the engine's run, or that refuses it.
            hosts = host_names.of_nobody_else(tenant.domains, str(tenant.id))
            admin = {"name": tenant.admin.name, "email": tenant.admin.email}
            registry.record(str(tenant.id), tenant.slug, {**row, "state": "provisioning"}, hosts, admin)
            entered.append(tenant.slug)
    return entered


def _engine(run: Run, log: Log) -> None:
    """One run of the stack. Nothing to do when a run that ended since has made what is declared: runs of a cell share the work."""
    admitted = _admitted(run)
    declaration = _asked_for(run, admitted)
    if Evidence.of([declaration.stack]).applied(admitted, declaration.slug):
        for part in ENGINE_PARTS:
            log.end(part, "as declared, made by a run of the same stack")
        return
    for giver in sorted(fleet.givers(admitted).get(declaration.stack, ())):
        # Asked for as well, it goes first. One that nobody asked for is named by the refusal.
        if runs.at_work_on(giver, (PROVISION.name, "apply")):
            engine_step.make(run, giver, admitted)
    others = engine_step.apply_in_parts(
        run, log, declaration.stack, _PART_OF, admitted, lambda: engine_step.require_made(declaration.stack, [run.subject], admitted)
    )
    if others:
        run.note("others", dict(others))


def _first_administrator(run: Run) -> str:
    """Issues the invitation and queues the welcome sequence, in one transaction."""
    if not run.arguments.get("welcome", True):
        return f"nobody is invited; tenantry invite {run.subject} --mail does it"
    mails = welcome.begin(run.tenant)
    run.note("mails", [str(mail) for mail in mails])
    return "invitation issued, welcome sequence queued" if mails else ""


def welcome_mail(run: Run) -> str:
    """Sends what is due now. A mail server that does not answer is no failure: the outbox goes on trying."""
    mails = [UUID(mail) for mail in run.notes.get("mails", [])]
    if not mails:
        return ""
    delivery = mailing.deliver(mails)
    counted = {
        "sent": delivery.sent, "for later days": delivery.waiting, "cancelled": delivery.cancelled,
        "not taken yet, the outbox tries again": delivery.deferred, "refused for good": delivery.failed,
    }  # fmt: skip
    causes = f": {'; '.join(delivery.causes)}" if delivery.causes else ""
    return ", ".join(f"{number} {what}" for what, number in counted.items() if number) + causes


def _closing(run: Run) -> str:
    """Sums the run up; the audit log's line is written with its end."""
    others = run.notes.get("others")
    waited = f"; with it, of other tenants of the stack: {said(others)}" if others else ""
    newer = f"; {run.notes['newer']}" if run.notes.get("newer") else ""
    return f"{run.subject} is provisioned{newer}{waited}"


def _steps(_: Run) -> Sequence[Step | Parts]:
    return (
        Step("record", _record),
        Parts(ENGINE_PARTS, _engine, Patience(10)),
        Step("first administrator", _first_administrator),
        Step("welcome mail", welcome_mail),
        Step("log", _closing),
    )


PROVISION: Final = Kind("provision", _steps)
