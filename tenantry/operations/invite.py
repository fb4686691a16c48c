"""The links of first administrators' invitations: made, shown once, or sent by mail."""

from __future__ import annotations

from collections.abc import Sequence

from tenantry import naming
from tenantry.control import invitations, registry
from tenantry.declaration import Declarations
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import WorkError
from tenantry.operations import mailing, welcome
from tenantry.settings import platform_settings


def by_mail(slug: str) -> str:
    """Sends a new link to the tenant's first administrator, whose address it returns; the link before stops working.

    ``InputError`` for a tenant that no file declares, or without a mail server; ``WorkError`` where the mail did not go out.
    """
    tenant = DeclarationStore.of_platform().load().tenant(slug)
    mailing.settings()  # without a mail server nothing is touched: the link that is out goes on working
    delivery = mailing.deliver([welcome.again(tenant.id)])
    if not delivery.sent:
        raise WorkError(delivery.causes[0], "tenantry mail list shows it; what is deferred is sent by the sweep")
    return tenant.admin.email


def new_link(slug: str) -> str:
    """A new link, which is shown this once; the one before stops working. ``WorkError`` where no invitation is open."""
    tenant = DeclarationStore.of_platform().load().tenant(slug)
    tokens = registry.issue_tokens([str(tenant.id)], again=True)
    if not tokens:
        raise WorkError(f"tenant {slug} has no open invitation", f"it was accepted, or `tenantry up {slug}` has not made it yet")
    return _link(slug, next(iter(tokens.values())))


def first_links(declared: Declarations, stacks: Sequence[str]) -> dict[str, str]:
    """A link for each administrator of these stacks who was never given one, by slug; it is shown this once."""
    ids = _active(declared, stacks)
    tokens = registry.issue_tokens(list(ids)) if ids else {}
    return {ids[tenant_id]: _link(ids[tenant_id], token) for tenant_id, token in tokens.items()}


def uninvited(declared: Declarations, stacks: Sequence[str]) -> list[str]:
    """The tenants of these stacks whose administrator was never given a link, by slug."""
    slugs = set(_active(declared, stacks).values())
    return sorted(row["slug"] for row in registry.tenants() if row["slug"] in slugs and not row["issued_at"] and not row["accepted_at"])


def _active(declared: Declarations, stacks: Sequence[str]) -> dict[str, str]:
    """Id → slug of the active tenants of these stacks."""
    return {str(tenant.id): tenant.slug for tenant in declared.values() if tenant.stack in stacks and tenant.state == "active"}


def _link(slug: str, token: str) -> str:
    return invitations.link(naming.host(slug, platform_settings().domain), token)
