"""What doctor asks of where the declarations are kept: a branch of a repository, or a forge."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from tenantry.clients import forge_token
from tenantry.declaration.on_branch import OnBranch
from tenantry.errors import TransientError, WorkError
from tenantry.settings import declared_in, tenants_dir

SOON: Final = timedelta(days=14)
"""Before a token ends somebody has to make another one."""


class Warned(NamedTuple):
    """What is well, and should not stay so."""

    found: str
    hint: str


def repository() -> str:
    """Whether the branch is there and may be written, by the user that asks; with a remote, there."""
    place = declared_in()
    if place.kind != "git":
        return f"a folder, {tenants_dir()}"
    keeper = OnBranch.of(place)
    branch = keeper.branch
    branch.require_unused()
    here, words = branch.head(), f"{place.branch} of {branch.repository}"
    try:
        head = branch.fetch()
        branch.rehearse(head)
    except TransientError as error:
        last = keeper.fetched_at()
        fetched = f"last fetched at {last:%Y-%m-%d %H:%M} UTC" if last else "never fetched by this user"
        raise WorkError(
            f"{error.message}; nothing can be written, and commit {here[:10]} is read, {fetched}",
            error.hint,
        ) from None
    where = " with its remote, fetched now" if branch.remote() else ""
    return f"{words} at commit {head[:10]} of {branch.made_at(head):%Y-%m-%d %H:%M} UTC, may be written{where}"


def forge() -> str | Warned:
    """Whether the forge's token is valid for the repository, has the rights that proposals take, and for how long."""
    place = declared_in()
    if not place.forged:
        return "none is used"
    token = forge_token.look(place)
    if token.lacks:
        raise WorkError(
            f"the token for {place.repository} has not {' and '.join(token.lacks)}",
            "docs/production.md, A forge, says which rights it needs",
        )
    found = f"the token is valid for {place.repository} at {place.place}"
    found += f", until {token.expires}" if token.expires else ", without an end that the forge tells"
    faults: list[tuple[str, str]] = []
    if token.expires and token.expires - _today() <= SOON:
        faults.append((f"it ends in {(token.expires - _today()).days} days", "make another one and put it into TENANTRY_FORGE_TOKEN"))
    if token.besides:
        faults.append(
            (f"it may do more than it must: {', '.join(token.besides)}", "make one with the rights of docs/production.md, A forge")
        )
    if not token.protected:
        faults.append((f"whoever has it may write to {place.branch} without review", f"protect the branch {place.branch} there"))
    if not faults:
        return found
    return Warned("; ".join((found, *(what for what, _ in faults))), "; ".join(hint for _, hint in faults))


def _today() -> date:
    return datetime.now(UTC).date()
