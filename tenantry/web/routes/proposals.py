"""Proposals: changes of tenants' files that wait on a forge for a decision, and what came of them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from tenantry.operations import proposals
from tenantry.operations.callers import Caller
from tenantry.operations.proposals import Proposal
from tenantry.web.callers import having
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/proposals", tags=["proposals"])


class Pages(BaseModel):
    """Which page of them."""

    model_config = ConfigDict(extra="forbid")

    after: UUID | None = Field(None, description="`after` of the page before")
    limit: int = Field(50, ge=1, le=proposals.LIMIT)


class ProposalPage(BaseModel):
    """A page of proposals."""

    proposals: list[Proposal]
    after: UUID | None = Field(description="What the next page is asked with; null on the last one")


@router.get("", responses=responses())
def listed(pages: Annotated[Pages, Query()], who: Annotated[Caller, Depends(having("tenants:read"))]) -> ProposalPage:
    """The proposals for tenants that are there for you, the newest first; none where nothing is proposed."""
    found, after = proposals.page(who.sight, pages.after, pages.limit)
    return ProposalPage(proposals=list(found), after=after)


@router.get("/{proposal}", responses=responses())
def one(proposal: UUID, who: Annotated[Caller, Depends(having("tenants:read"))]) -> Proposal:
    """One proposal: `pending`, `proposed` (with a link), `merged`, `run`, `done`, `failed` or `rejected`."""
    return proposals.find(proposal, who.sight)
