"""Forges: a change to one file is proposed there as a branch and a pull request, and looked after until somebody has decided.

Each step finds what an earlier attempt has made: an answer that was lost makes nothing twice. As documented by their makers:
docs.github.com/rest (git/refs, repos/contents, pulls), docs.gitlab.com/api (commits, merge_requests), docs.gitea.com/api (contents, pulls).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote

import httpx

from tenantry.clients.git_commit import Person
from tenantry.declared_in import DeclaredIn
from tenantry.errors import InputError, TransientError, WorkError

TOKEN: Final = "TENANTRY_FORGE_TOKEN"  # noqa: S105  # the variable's name
AWAY: Final = 5.0
"""Seconds that a forge has for one answer, to its last byte."""
MOST: Final = 1 << 20
"""Bytes of an answer."""

Decision = Literal["open", "merged", "rejected"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is proposed. ``before``: the file's contents now; None for a new one."""

    branch: str
    path: str
    before: bytes | None
    content: bytes
    author: Person
    message: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A pull request."""

    number: int
    link: str


class Forge(Protocol):
    """``TransientError`` where it does not answer, or not now; ``WorkError`` where it refuses."""

    def propose(self, wish: Wish) -> Opened:
        """Makes the branch with one commit, and the pull request; those that are there already are taken."""

    def decision(self, number: int) -> Decision:
        """What has become of a pull request."""


def of(place: DeclaredIn) -> Forge:
    """That of the setting. ``InputError`` without a token."""
    if place.kind == "github":
        return GitHub(place)
    return GitLab(place) if place.kind == "gitlab" else Gitea(place)


class Refused(WorkError):
    """The forge's answer is no: ``status``."""

    def __init__(self, where: str, status: int, said: str) -> None:
        hint = f"look at {TOKEN} and at what it may do" if status in (401, 403, 404) else "the answer is the forge's"
        super().__init__(f"{where} answers {status}: {said}", hint)
        self.status = status


class Asking:
    """Requests about one repository, each of which ends in ``AWAY`` seconds. ``api``: the address of what is not the repository's."""

    def __init__(self, place: DeclaredIn, api: str, inside: str, headers: Mapping[str, str]) -> None:
        self.place, self.api = place, api
        self._base = f"{api}/{inside}"
        self._client = httpx.Client(headers=headers, timeout=AWAY, follow_redirects=False)

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The answer's JSON; ``path`` is below the repository, or a whole address."""
        return self.told(method, path, body, **query)[0]

    def told(self, method: str, path: str, body: Any = None, **query: str) -> tuple[Any, httpx.Headers]:
        """The same, and the answer's headers."""
        url = path if path.startswith(self.api) else f"{self._base}/{path}".rstrip("/")
        ends = time.monotonic() + AWAY
        try:
            with self._client.stream(method, url, json=body, params=query or None) as answer:
                read = bytearray()
                for part in answer.iter_bytes():
                    read += part
                    if time.monotonic() > ends or len(read) > MOST:
                        raise TransientError(f"{self.place.place} takes too long or says too much", "it is asked again")
        except httpx.HTTPError as error:
            raise TransientError(f"{self.place.place} does not answer: {type(error).__name__}", "it is asked again") from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise TransientError(f"{self.place.place} answers {answer.status_code}", "it is asked again")
        try:
            found = json.loads(read or b"null")
        except ValueError:
            found = None
        if not answer.is_success:
            said = found.get("message") if isinstance(found, dict) else None
            raise Refused(self.place.place, answer.status_code, " ".join(str(said or answer.reason_phrase).split())[:200])
        if found is None:
            raise TransientError(f"{self.place.place} answers what is no JSON", "it is asked again")
        return found, answer.headers

    def or_there(self, method: str, path: str, body: Any, statuses: tuple[int, ...]) -> Any:
        """The same; None where it is answered that there is such a thing already."""
        try:
            return self.ask(method, path, body)
        except Refused as refused:
            if refused.status not in statuses:
                raise
            return None

    def require_same(self, path: str, branch: str, content: bytes) -> None:
        """``WorkError`` where a file of the branch is not what was to be written."""
        found = self.ask("GET", path, ref=branch)
        if b64decode(found.get("content") or "") != content:
            raise WorkError(f"the branch {branch} has another file {path.rpartition('/')[2]}", "remove the branch: it is made again")


def asking(place: DeclaredIn) -> Asking:
    """With the token. ``InputError`` where there is none."""
    token = os.environ.get(TOKEN, "")
    if not token:
        raise InputError(f"{TOKEN} is not set", "docs/production.md says what the token must be allowed to do", code="credentials.missing")
    if place.kind == "github":
        api = "https://api.github.com" if place.place == "https://github.com" else f"{place.place}/api/v3"
        accept = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return Asking(place, api, f"repos/{place.repository}", {"Authorization": f"Bearer {token}", **accept})
    if place.kind == "gitlab":
        return Asking(place, f"{place.place}/api/v4", f"projects/{quote(place.repository, safe='')}", {"PRIVATE-TOKEN": token})
    return Asking(place, f"{place.place}/api/v1", f"repos/{place.repository}", {"Authorization": f"token {token}"})


class _Repository:
    """One at a forge that tells of a pull request as GitHub and Gitea do."""

    def __init__(self, place: DeclaredIn) -> None:
        self._place, self._asking = place, asking(place)

    def decision(self, number: int) -> Decision:
        """See ``Forge``."""
        found = self._asking.ask("GET", f"pulls/{number}")
        return "merged" if found.get("merged") else "open" if found["state"] == "open" else "rejected"


class GitHub(_Repository):
    """github.com, or an Enterprise Server."""

    def propose(self, wish: Wish) -> Opened:
        """See ``Forge``."""
        ask, base = self._asking, self._place.branch
        head = ask.ask("GET", f"git/ref/heads/{base}")["object"]["sha"]
        ask.or_there("POST", "git/refs", {"ref": f"refs/heads/{wish.branch}", "sha": head}, (422,))
        file = {"message": wish.message, "content": _base64(wish.content), "branch": wish.branch, "author": _author(wish)}
        if ask.or_there("PUT", f"contents/{wish.path}", file | _replacing(wish), (409, 422)) is None:
            ask.require_same(f"contents/{wish.path}", wish.branch, wish.content)
        asked = {"title": wish.title, "head": wish.branch, "base": base, "body": wish.body}
        found = ask.or_there("POST", "pulls", asked, (422,))
        if found is None:
            owner = self._place.repository.partition("/")[0]
            found = _only(ask.ask("GET", "pulls", head=f"{owner}:{wish.branch}", base=base, state="all"), wish)
        return Opened(found["number"], found["html_url"])


class Gitea(_Repository):
    """Gitea and Forgejo."""

    def propose(self, wish: Wish) -> Opened:
        """See ``Forge``."""
        ask, base = self._asking, self._place.branch
        file = {
            "message": wish.message,
            "content": _base64(wish.content),
            "branch": base,
            "new_branch": wish.branch,
            "author": _author(wish),
        }
        file |= {"new_branch": wish.branch} | _replacing(wish)
        method = "POST" if wish.before is None else "PUT"
        if ask.or_there(method, f"contents/{wish.path}", file, (403, 409, 422)) is None:
            ask.require_same(f"contents/{wish.path}", wish.branch, wish.content)
        asked = {"title": wish.title, "head": wish.branch, "base": base, "body": wish.body}
        found = ask.or_there("POST", "pulls", asked, (409, 422))
        if found is None:
            found = ask.ask("GET", f"pulls/{base}/{wish.branch}")
        return Opened(found["number"], found["html_url"])


class GitLab(_Repository):
    """gitlab.com, or one's own."""

    def propose(self, wish: Wish) -> Opened:
        """See ``Forge``."""
        ask, base = self._asking, self._place.branch
        action = {"action": "create" if wish.before is None else "update", "file_path": wish.path, "content": wish.content.decode()}
        commit = {
            "branch": wish.branch, "start_branch": base, "commit_message": wish.message, "actions": [action],
            "author_name": _author(wish)["name"], "author_email": _author(wish)["email"],
        }  # fmt: skip
        if ask.or_there("POST", "repository/commits", commit, (400,)) is None:
            ask.require_same(f"repository/files/{quote(wish.path, safe='')}", wish.branch, wish.content)
        asked = {
            "source_branch": wish.branch, "target_branch": base, "title": wish.title, "description": wish.body,
            "remove_source_branch": True,
        }  # fmt: skip
        found = ask.or_there("POST", "merge_requests", asked, (409,))
        if found is None:
            found = _only(ask.ask("GET", "merge_requests", source_branch=wish.branch, target_branch=base, state="all"), wish)
        return Opened(found["iid"], found["web_url"])

    def decision(self, number: int) -> Decision:
        """See ``Forge``."""
        state = self._asking.ask("GET", f"merge_requests/{number}")["state"]
        return "merged" if state == "merged" else "rejected" if state == "closed" else "open"


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


def _author(wish: Wish) -> dict[str, str]:
    name, _, rest = wish.author.line(0).partition(" <")
    return {"name": name, "email": rest.partition(">")[0]}


def _replacing(wish: Wish) -> dict[str, str]:
    """Which contents are replaced, as git names them: a file that has changed since is not."""
    if wish.before is None:
        return {}
    return {"sha": hashlib.sha1(b"blob %d\0%s" % (len(wish.before), wish.before), usedforsecurity=False).hexdigest()}


def _only(found: Any, wish: Wish) -> Any:
    if not found:
        raise WorkError(f"the forge makes no pull request of {wish.branch}, and has none", "look at the branch there")
    return found[0]
