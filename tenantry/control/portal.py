"""One of a tenant's own people at the control database: what he may do there is what the role ``tenantry__portal`` may.

A grant says which columns, row security whose rows, and functions of the database who may change what (migrations/control_grants.yaml).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import errors

from tenantry.control import database
from tenantry.control.tenant_pages import Tenant
from tenantry.errors import InputError, TransientError

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Portal:
    """Whoever is signed in at a tenant's host, or has opened a link's page there. ``proof``: the digest that his session, or what his
    page asks with, is found by; the database looks it up again in each transaction."""

    proof: bytes = field(repr=False)

    @contextmanager
    def open(self, tenant: UUID) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """One transaction in a tenant's rows. ``InputError`` where nobody of that tenant is signed in so, or may not do that;
        ``TransientError`` while its rows are being replaced."""
        try:
            with database.portal(tenant, self.proof) as connection:
                yield connection
        except errors.InvalidAuthorizationSpecification as error:
            raise InputError("the session has ended, or is not for that", "sign in again", code="session.ended") from error
        except errors.InsufficientPrivilege as error:
            if "no active tenant" not in str(error):
                raise
            busy = "the tenant is shut at the moment, or its rows are being replaced"
            raise TransientError(busy, "try again in some minutes", code="tenant.busy") from error


def door(portal: Portal | None, tenant: UUID) -> AbstractContextManager[psycopg.Connection[dict[str, Any]]]:
    """One transaction by the portal's door, where one of the tenant's people asks; by the owner's for everybody else."""
    return portal.open(tenant) if portal is not None else database.transaction()


@dataclass(frozen=True)
class OwnTenant:
    """What a tenant's people are told of it, and where its pictures go."""

    tenant: Tenant
    bucket: str
    prefix: str


def own_tenant(portal: Portal, tenant: UUID) -> OwnTenant | None:
    """The tenant, without labels and times; None: it is gone."""
    with portal.open(tenant) as connection:
        row = connection.execute("SELECT * FROM own_tenant()").fetchone()
    if row is None:
        return None
    place = {name: row.pop(name) for name in ("bucket", "prefix")}
    return OwnTenant(Tenant(**row, labels={}), **place)
