"""Domains of the addresses of a tenant's people, and what proves them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations import email_domains as operation
from tenantry.operations import tenants
from tenantry.operations.tenants import Tenant
from tenantry.web import once
from tenantry.web.asking import Asking, for_tenant
from tenantry.web.callers import seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/tenants/{slug}/email-domains", tags=["people"])


class EmailDomainBody(BaseModel):
    """A domain that the tenant's file names, and the TXT record that proves it."""

    domain: str
    record: str = Field(examples=["_tenantry.acme.example"])
    value: str = Field(examples=["tenantry-email=0b9c3e1a7f524d1c9d3e5a6b7c8d9e0f"])
    verified_at: datetime | None
    """null: it is not proved, and nobody comes in by it."""
    checked_at: datetime | None
    problem: str | None


class EmailDomains(BaseModel):
    """Those of a tenant, by name."""

    items: list[EmailDomainBody]


class EmailDomainCheck(BaseModel):
    """Which of them is asked for."""

    model_config = ConfigDict(extra="forbid")

    domain: str | None = Field(None, max_length=253, description="One of them; all when left out")


@router.get("", responses=responses())
def email_domains(tenant: Annotated[Tenant, Depends(seen("people:read"))]) -> EmailDomains:
    """The tenant's e-mail domains, as its file was last applied."""
    return _told(() if tenant.state == tenants.DECLARED else operation.listed(tenant.slug))


@router.post("/check", response_model=EmailDomains, responses=responses(503))
def check_email_domains(body: EmailDomainCheck, asking: Annotated[Asking, Depends(for_tenant("people:write"))]) -> JSONResponse:
    """Asks DNS now whether they are proved."""

    def work(actor: Actor) -> once.Answer:
        return once.Answer(200, jsonable_encoder(_told(operation.check(asking.tenant.slug, body.domain, actor=actor))))

    return asking.once(body, work)


def _told(found: Iterable[operation.EmailDomain]) -> EmailDomains:
    return EmailDomains(items=[EmailDomainBody(**asdict(each)) for each in found])
