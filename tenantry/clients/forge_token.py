"""What a forge says of the token with which changes are proposed there: whether it may do what it must, and what it may do besides.

Nothing is made to find that out: a request that would make something names what cannot be, and a forge looks at the right first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from tenantry.clients.forges import Asking, Refused, asking
from tenantry.declared_in import DeclaredIn
from tenantry.errors import WorkError

DEVELOPER: Final = 30
"""GitLab's number of the role that may propose; a maintainer's is 40."""
_NO_COMMIT: Final = "0" * 40


@dataclass(frozen=True, slots=True)
class Standing:
    """In words, each of them a right by the forge's own name. ``expires``: None where the forge does not say, or it never does."""

    lacks: tuple[str, ...]
    besides: tuple[str, ...]
    expires: date | None
    protected: bool
    """Whether the branch is, as far as the forge tells: what is proposed has to be merged by somebody else."""


def look(place: DeclaredIn) -> Standing:
    """``WorkError`` where the token is refused, or the repository or its branch is not there; ``TransientError`` where nobody answers;
    ``InputError`` without a token."""
    looking = {"github": _github, "gitlab": _gitlab, "gitea": _gitea}[place.kind]
    try:
        return looking(asking(place), place)
    except Refused as refused:
        if refused.status == 401:
            raise WorkError(f"{place.place} refuses the token", "it is wrong, revoked or has expired: make another one") from None
        raise


def _github(ask: Asking, place: DeclaredIn) -> Standing:
    _, headers = _there(ask, place)
    branch = _branch(ask, place, f"branches/{place.branch}")
    lacks = [
        right
        for right, path, body in (
            ("Contents: write", "git/refs", {"ref": "refs/heads/tenantry/doctor", "sha": _NO_COMMIT}),
            ("Pull requests: write", "pulls", {"title": "doctor", "head": "tenantry/no-such-branch", "base": place.branch}),
        )
        if _refused(ask, path, body)
    ]
    scopes = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")} - {""}
    besides = [f"scope {scope}, which is for every repository of its user" for scope in sorted(scopes)]
    if not scopes:
        besides += [right for right, path in (("Webhooks", "hooks"), ("Secrets", "actions/secrets")) if _answers(ask, path)]
    return Standing(
        tuple(lacks), tuple(besides), _date(headers.get("github-authentication-token-expiration")), bool(branch.get("protected"))
    )


def _gitlab(ask: Asking, place: DeclaredIn) -> Standing:
    project, _ = _there(ask, place)
    branch = _branch(ask, place, f"repository/branches/{place.branch.replace('/', '%2F')}")
    token = ask.ask("GET", f"{ask.api}/personal_access_tokens/self")
    given = {kind: int(found["access_level"]) for kind, found in (project.get("permissions") or {}).items() if found}
    level, scopes = max(given.values(), default=0), set(token.get("scopes") or ())
    lacks = [*(["scope api"] if "api" not in scopes else []), *(["the role Developer"] if level < DEVELOPER else [])]
    besides = [f"scope {scope}" for scope in sorted(scopes - {"api"})]
    besides += ["a role above Developer"] if level > DEVELOPER else []
    besides += ["the group's other projects"] if given.get("group_access") else []
    protected = bool(branch.get("protected")) and not branch.get("can_push")
    return Standing(tuple(lacks), tuple(besides), _date(token.get("expires_at")), protected)


def _gitea(ask: Asking, place: DeclaredIn) -> Standing:
    repository, _ = _there(ask, place)
    branch = _branch(ask, place, f"branches/{place.branch}")
    may = repository.get("permissions") or {}
    lacks = [] if may.get("push") else ["the right to write to the repository"]
    if not lacks and _refused(ask, "branches", {"new_branch_name": ""}):
        lacks.append("scope write:repository")
    besides = ["administration of the repository"] if may.get("admin") else []
    if _answers(ask, f"{ask.api}/user"):  # write:repository alone may not
        besides.append("a scope besides write:repository")
    return Standing(tuple(lacks), tuple(besides), None, bool(branch.get("protected")) and not branch.get("user_can_push"))


def _there(ask: Asking, place: DeclaredIn) -> Any:
    return _or_missing(lambda: ask.told("GET", ""), f"{place.repository} is not there for the token at {place.place}")


def _branch(ask: Asking, place: DeclaredIn, path: str) -> Any:
    return _or_missing(lambda: ask.ask("GET", path), f"{place.repository} has no branch {place.branch} at {place.place}")


def _or_missing(asked: Callable[[], Any], words: str) -> Any:
    try:
        return asked()
    except Refused as refused:
        if refused.status not in (403, 404):
            raise
        raise WorkError(words, "correct tenantry:declarations, or give the token that repository: docs/production.md, A forge") from None


def _refused(ask: Asking, path: str, body: Any) -> bool:
    try:
        ask.ask("POST", path, body)
    except Refused as refused:
        return refused.status in (403, 404)
    return False


def _answers(ask: Asking, path: str) -> bool:
    try:
        ask.ask("GET", path)
    except Refused:
        return False
    return True


def _date(text: str | None) -> date | None:
    """The day of a time, however the forge writes the rest."""
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
