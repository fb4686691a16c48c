"""Tenants as a partner's program sees them: those of its labels, in pages; and new ones, declared by it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients.git_branch import Overtaken
from tenantry.control import host_names, quarantine, tenant_pages
from tenantry.control import portal as portals
from tenantry.control.portal import Portal
from tenantry.control.tenant_pages import EVERYTHING, Sight, Wanted
from tenantry.declaration import TenantDeclaration, placement
from tenantry.declaration.files import FileReader, legible_claims
from tenantry.declaration.generator import NewTenant, prepare, write
from tenantry.declaration.keeper import Change
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError
from tenantry.operations import proposals
from tenantry.operations.proposals import Proposal
from tenantry.postgres import locks
from tenantry.problems import DeclarationErrors
from tenantry.settings import declared_in, platform_settings, tenants_dir

DECLARED: Final = "declared"
"""The state of a tenant that has a file and is not in the registry yet: provisioning enters it."""

PROPOSED: Final = "proposed"
"""The state of one whose file nobody has merged yet."""

LIMIT: Final = 200
"""Tenants of a page, at most."""

DEEPEST: Final = 4
"""Mappings within each other in a tenant's file, at most."""

_DECOY: Final = b"name: X\ntier: starter\nadmin: {name: A, email: a@x.example}\n"
"""What is checked where there is no file, so that it takes as long."""

_ASKED: Final = frozenset({"name", "tier", "isolation", "cell", "row_context", "admin", "domains"})
_OURS: Final = {"state": "it is active; suspend and off-board are calls of their own", "server": "an engineer writes it into the file"}
_ELSEWHERE: Final = {
    **_OURS,
    "isolation": "moving a tenant is work of its own",
    "cell": "moving a tenant is work of its own",
    "row_context": "an engineer writes it into the file",
    "domains": "an engineer writes them into the file",
}


Tenant = tenant_pages.Tenant
"""One tenant. ``state``: ``proposed``, ``declared``, or the registry's: ``provisioning``, ``active``, ``suspended``, ``offboarding``,
``archived`` or ``deleted``."""


@dataclass(frozen=True)
class Page:
    """Some tenants by slug, and where the next page begins; ``after`` is None on the last one."""

    tenants: tuple[Tenant, ...]
    after: str | None


def page(
    sight: Sight,
    *,
    state: str | None = None,
    isolation: str | None = None,
    cell: str | None = None,
    tier: str | None = None,
    labels: Mapping[str, str] | None = None,
    sort: str = "slug",
    after: str = "",
    limit: int = 50,
) -> Page:
    """A page of the registry's tenants, of those that carry ``labels``. ``InputError`` for a limit or an order that is none."""
    if sort not in tenant_pages.SORTS:
        raise InputError(f"tenants cannot be sorted by {sort[:40]!r}", f"one of {', '.join(tenant_pages.SORTS)}")
    if not 1 <= limit <= LIMIT:
        raise InputError(f"a page cannot have {limit} tenants", f"1 to {LIMIT}")
    rows = tenant_pages.page(Wanted(sight, state, isolation, cell, tier, labels or {}), after, limit + 1, sort)
    tenants = tuple(rows[:limit])
    return Page(tenants, tenant_pages.behind(tenants[-1], sort) if len(rows) > limit else None)


def find(slug: str, sight: Sight, portal: Portal | None = None) -> Tenant:
    """One tenant, of the registry or of a file alone. ``InputError``, of which the words and the work done are the same for one that is
    out of sight and for one that there is not: nobody learns by a clock what there is. ``portal``: one of its own people asks, and is
    told less."""
    if naming.is_slug(slug):
        row = tenant_pages.find(slug, sight) if portal is None else _own(slug, sight, portal)
        if row is not None:
            return row
        declared = _declared(slug)
        if declared is not None and sight.sees(slug, declared.labels):
            return _of_file(declared)
        found = proposals.of_new(slug) if proposals.used() else None
        if declared is None and found and sight.sees(slug, found.labels):
            return _of_file(_valid(slug, found.content), PROPOSED)
    raise InputError("there is no such tenant", "GET /v1/tenants lists those that are there for you", code="tenant.unknown")


def _own(slug: str, sight: Sight, portal: Portal) -> Tenant | None:
    own = portals.own_tenant(portal, naming.tenant_id(slug)) if slug == sight.slug else None
    return own.tenant if own is not None else None


def declared_labels(slug: str) -> Mapping[str, str] | None:
    """The labels of the tenant's file; None: there is none, or it is not valid."""
    declared = _declared(slug) if naming.is_slug(slug) else None
    return declared.labels if declared is not None else None


def exists(slug: str) -> bool:
    """Whether there is such a tenant, whosever it is: in the registry, or as a file."""
    return naming.is_slug(slug) and (
        tenant_pages.find(slug, EVERYTHING) is not None or DeclarationStore.of_platform().keeper.text(slug) is not None
    )


def declare(slug: str, declaration: Mapping[str, Any], labels: Mapping[str, str], *, actor: Actor) -> Tenant | Proposal:
    """Writes a new tenant's file from what a file could say (docs/declaration.md), as `tenantry new` and edits would; it gets ``labels``.
    Where changes are proposed on a forge, the same file is proposed.

    ``InputError`` for what cannot be declared, a slug or host name that somebody has or had, or a file that is there. Two at once for
    one name: one of them wins.
    """
    new = _new(slug, declaration, labels)
    hosts = [host for _, host in legible_claims({"domains": new.domains})]
    with _turn():
        quarantine.refuse([slug], hosts)
        if tenant_pages.find(slug, EVERYTHING) is not None:
            raise InputError(f"there is a tenant {slug}", "choose another slug", code="tenant.exists")
        if taken := host_names.taken(hosts):
            raise InputError(f"{', '.join(taken)} is another tenant's", "a host name has one tenant", code="domain.taken")
        if not proposals.used():
            with _of_nobody():
                text = write(tenants_dir(), new, change=Change("declared", actor))
            return _of_file(_valid(slug, text))
        proposals.refuse_taken(slug, hosts)
        with _of_nobody():
            text = prepare(tenants_dir(), new)
        given = _valid(slug, text).labels
        # Within, so that nobody looks between this look and what it leads to. The forge is spoken to without.
        row = proposals.note(slug, before=None, content=text, hosts=hosts, labels=given, what="declared", actor=actor)
    return proposals.send(row)


@contextmanager
def _of_nobody() -> Iterator[None]:
    """What is taken is taken: neither whose it is nor where its file stands is a partner's to know."""
    try:
        yield
    except InputError as error:
        if error.code == "tenant.exists":
            raise InputError("there is a tenant of that slug", "choose another slug", code="tenant.exists") from None
        if error.code == "domain.taken":
            raise InputError(
                "a host name is another tenant's, or looks like one", "a host name has one tenant", code="domain.taken"
            ) from None
        raise


def _turn() -> AbstractContextManager[None]:
    """Of the platform's writers one looks and writes at a time; a branch says itself who was first."""
    return nullcontext() if declared_in().kind == "git" else locks.held("declarations", wait=locks.TURN)


def _valid(slug: str, text: str) -> TenantDeclaration:
    """What a text says that was checked before."""
    declared = FileReader(tenants_dir()).check(slug, text.encode())
    if declared is None:
        raise InputError(f"the file of {slug} is not valid by now", "a tier that it is of was changed", code="declaration.invalid")
    return declared


@dataclass(frozen=True)
class Written:
    """A tenant's file as it is, and its ``tag``: another one, another text."""

    text: str
    tag: str


def written(slug: str) -> Written:
    """The tenant's file. ``InputError`` where there is none."""
    return _written(DeclarationStore.of_platform().text(slug))


def _written(text: str) -> Written:
    return Written(text, hashlib.sha256(text.encode()).hexdigest()[:32])


def edit(slug: str, patch: Mapping[str, Any], labels: Mapping[str, str], match: str, *, actor: Actor) -> Written | Proposal | None:
    """Lets the file say what ``patch`` says, and leaves every other character alone; provisioning makes it. None: the file's tag is
    another than ``match`` (``*``: whichever it is).

    ``InputError`` for what has a call of its own, for the ``labels`` by which the tenant is seen, and for a value that cannot be declared.
    """
    for key in patch.keys() & _ELSEWHERE.keys():
        raise InputError(f"{key} cannot be edited here: {_ELSEWHERE[key]}", code="declaration.invalid")
    values = {".".join(path): value for path, value in _leaves(patch)}
    if any(f"labels.{name}" in values for name in labels):
        raise InputError(
            f"the labels {', '.join(sorted(labels))} say whose the tenant is", "leave them as they are", code="declaration.invalid"
        )
    with _turn():
        seen = written(slug)
        if match not in ("*", seen.tag):
            return None
        change, wanted = Change(f"{', '.join(values)} edited", actor), None if match == "*" else seen.text
        try:
            before, after = DeclarationStore.of_platform().edit(slug, values, dry=proposals.used(), change=change, seen=wanted)
        except Overtaken:
            return None
        except DeclarationErrors as errors:
            first = errors.problems[0]
            raise InputError("; ".join(problem.message for problem in errors.problems), first.hint, code="declaration.invalid") from None
        if not proposals.used() or before == after:
            return _written(after)
        given = _valid(slug, after).labels
        row = proposals.note(slug, before=before, content=after, hosts=[], labels=given, what=change.what, actor=actor)
    return proposals.send(row)


def _new(slug: str, declaration: Mapping[str, Any], labels: Mapping[str, str]) -> NewTenant:
    for key, why in _OURS.items():
        if key in declaration:
            raise InputError(f"{key} cannot be said here: {why}", code="declaration.invalid")
    admin, given, domains = declaration.get("admin") or {}, declaration.get("labels") or {}, declaration.get("domains") or ()
    hosts = isinstance(domains, list | tuple) and all(isinstance(host, str) for host in domains)
    if not (isinstance(admin, Mapping) and isinstance(given, Mapping) and hosts):
        raise InputError("admin and labels are objects, and domains is a list of host names", code="declaration.invalid")
    first = {key: declaration.get(key) for key in ("name", "isolation", "cell", "row_context")}
    first["email"] = admin.get("email")
    if not isinstance(declaration.get("tier"), str) or not all(value is None or isinstance(value, str) for value in first.values()):
        raise InputError(
            "tier is missing, or one of name, tier, isolation, cell, row_context, admin.email is no text", code="declaration.invalid"
        )
    others = {key: value for key, value in declaration.items() if key not in _ASKED}
    others["labels"] = {**given, **labels}
    others["admin"] = {key: value for key, value in admin.items() if key != "email"}
    values = tuple(_leaves(others))
    return NewTenant(slug, str(declaration["tier"]), **first, values=values, domains=tuple(domains))


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and len(path) < DEEPEST:
        for key, below in value.items():
            yield from _leaves(below, (*path, str(key)))
    elif isinstance(value, str | bool | int):
        yield path, value
    else:
        raise InputError(
            f"{'.'.join(path)} is no text, number or boolean", "docs/declaration.md lists the keys", code="declaration.invalid"
        )


def _declared(slug: str) -> TenantDeclaration | None:
    """What the tenant's own file says; None: there is none, or it is not valid. One file is read."""
    store = DeclarationStore.of_platform()
    found = store.keeper.text(slug)
    store.keeper.ready()
    declared = FileReader(store.directory).check(slug, found or _DECOY)
    return declared if found is not None else None


def _of_file(declared: TenantDeclaration, state: str = DECLARED) -> Tenant:
    row = placement.row(declared, platform_settings())
    return Tenant(
        declared.id,
        declared.slug,
        declared.name,
        declared.tier,
        declared.isolation,
        declared.cell,
        state,
        row["host"],
        declared.limits.model_dump(),
        declared.labels,
    )
