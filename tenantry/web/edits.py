"""Edits: each is of what its editor saw."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from tenantry.web.problems import Refused

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=80, description="The ETag of what is edited, or *")]


def required(match: str | None) -> str:
    """The tag that an edit names. ``Refused`` (428) without one."""
    if match is None:
        raise Refused(428, "edit.unconditional", "an edit needs If-Match", "the ETag that GET gave, or * whatever it is by now")
    return match


def outdated() -> Refused:
    """What an edit of something that has changed since is answered with."""
    return Refused(412, "edit.outdated", "it has changed since", "look at it again, and edit that")
