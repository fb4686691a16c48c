"""A forge on 127.0.0.1: what GitHub, GitLab and Gitea document of the calls that are made, and what goes wrong with them."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.listening import Quiet, listening

TOKEN = "secret-of-the-forge"
REPOSITORY = "globex/platform"


@dataclass
class Token:
    """What the token may do, by what a forge says of it. ``scopes``: None for one of GitHub's that is fine-grained."""

    writes: bool = True
    proposes: bool = True
    level: int = 30
    group: int | None = None
    admin: bool = False
    scopes: list[str] | None = None
    besides: tuple[str, ...] = ()
    """Paths that it may read and should not."""
    expires: str | None = None
    protected: bool = True


@dataclass
class Forge:
    """Its branches (files by path), pull requests and what it was asked. ``trouble`` is done to the next requests: a status, ``hang``
    (no answer), ``drip`` (an answer without an end), ``lost`` (done, and the connection closed)."""

    kind: str
    files: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {}})
    pulls: list[dict[str, Any]] = field(default_factory=list)
    commits: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    trouble: list[Any] = field(default_factory=list)
    place: str = ""
    token: Token = field(default_factory=lambda: Token())

    @property
    def setting(self) -> str:
        return f"{self.kind}:{self.place}/{REPOSITORY}#main"

    def decide(self, number: int, what: str) -> None:
        """Merges or closes a pull request."""
        pull = self.pulls[number - 1]
        pull["state"] = what
        if what == "merged":
            self.files["main"] |= self.files[pull["head"]]

    # What every kind does, in its own words.
    def branch(self, name: str, base: str) -> bool:
        if name in self.files:
            return False
        self.files[name] = dict(self.files[base])
        return True

    def write(self, branch: str, path: str, content: bytes, given: dict[str, Any]) -> None:
        self.files[branch][path] = content
        self.commits.append(given)

    def pull(self, head: str, base: str) -> dict[str, Any] | None:
        if any(pull["head"] == head for pull in self.pulls):
            return None
        self.pulls.append({"number": len(self.pulls) + 1, "head": head, "base": base, "state": "open"})
        return self.pulls[-1]


def _told(forge: Forge, pull: dict[str, Any]) -> dict[str, Any]:
    link = f"{forge.place}/{REPOSITORY}/pulls/{pull['number']}"
    if forge.kind == "gitlab":
        state = {"open": "opened"}.get(pull["state"], pull["state"])
        return {"iid": pull["number"], "web_url": link, "state": state, "source_branch": pull["head"]}
    state = "open" if pull["state"] == "open" else "closed"
    return {"number": pull["number"], "html_url": link, "state": state, "merged": pull["state"] == "merged"}


Answer = tuple[int, Any]
GONE: Answer = (404, {"message": "Not Found"})
FORBIDDEN: Answer = (403, {"message": "Resource not accessible by personal access token"})


def answer(forge: Forge, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
    """What the documentation says."""
    api = {
        "github": f"/api/v3/repos/{REPOSITORY}/",
        "gitea": f"/api/v1/repos/{REPOSITORY}/",
        "gitlab": "/api/v4/projects/globex%2Fplatform/",
    }
    root = api[forge.kind].partition("repos/")[0].partition("projects/")[0]
    if not f"{path}/".startswith(api[forge.kind]):
        return _about_the_token(forge, path.removeprefix(root))
    inner = path.removeprefix(api[forge.kind].rstrip("/")).lstrip("/")
    if (method, inner) == ("GET", ""):
        return 200, _repository(forge)
    if (method, inner) == ("GET", f"{'repository/' if forge.kind == 'gitlab' else ''}branches/main"):
        free = not forge.token.protected
        return 200, {"name": "main", "protected": not free, "can_push": free, "user_can_push": free}
    if method == "GET" and inner in ("hooks", "actions/secrets"):
        return (200, []) if inner in forge.token.besides else FORBIDDEN
    if method == "POST" and not (forge.token.proposes if inner == "pulls" else forge.token.writes):
        return FORBIDDEN
    return (_gitlab if forge.kind == "gitlab" else _hub)(forge, method, inner, query, body)


def _about_the_token(forge: Forge, path: str) -> Answer:
    if forge.kind == "gitlab" and path == "personal_access_tokens/self":
        given = ["api"] if forge.token.scopes is None else forge.token.scopes
        return 200, {"name": "tenantry", "active": True, "scopes": given, "expires_at": forge.token.expires}
    if forge.kind == "gitea" and path == "user":
        return (200, {"login": "bot"}) if "user" in forge.token.besides else FORBIDDEN
    return GONE


def _repository(forge: Forge) -> dict[str, Any]:
    token = forge.token
    if forge.kind == "gitlab":
        group = None if token.group is None else {"access_level": token.group}
        return {"id": 1, "permissions": {"project_access": {"access_level": token.level}, "group_access": group}}
    return {"full_name": REPOSITORY, "permissions": {"admin": token.admin, "push": token.writes, "pull": True}}


def _hub(forge: Forge, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
    github = forge.kind == "github"
    if github and (method, path) == ("GET", "git/ref/heads/main"):
        return 200, {"ref": "refs/heads/main", "object": {"sha": "a" * 40, "type": "commit"}}
    if github and (method, path) == ("POST", "git/refs"):
        if body["sha"] != "a" * 40:
            return 422, {"message": "Object does not exist"}
        made = forge.branch(body["ref"].removeprefix("refs/heads/"), "main")
        return (201, {"ref": body["ref"]}) if made else (422, {"message": "Reference already exists"})
    if path.startswith("contents/"):
        file = path.removeprefix("contents/")
        if method == "GET":
            content = forge.files.get(query["ref"][0], {}).get(file)
            return GONE if content is None else (200, {"content": b64encode(content).decode(), "encoding": "base64"})
        branch = body["branch"] if github else body["new_branch"]
        if not github and not forge.branch(branch, body["branch"]):
            return 422, {"message": f"branch already exists [name: {branch}]"}
        there = forge.files[branch].get(file)
        if (there is None) == ("sha" in body):
            return 422, {"message": 'Invalid request.\n\n"sha" wasn\'t supplied.'}
        forge.write(branch, file, b64decode(body["content"]), body)
        return 201, {"content": {"path": file}}
    if not github and (method, path) == ("POST", "branches"):
        return 422, {"message": "[NewBranchName]: Required"}
    if (method, path) == ("POST", "pulls"):
        if body["head"] not in forge.files:
            return 422, {"message": "Validation Failed"}
        made = forge.pull(body["head"], body["base"])
        return (201, _told(forge, made)) if made else (422 if github else 409, {"message": "A pull request already exists"})
    if github and (method, path) == ("GET", "pulls"):
        return 200, [_told(forge, pull) for pull in forge.pulls if query["head"] == [f"globex:{pull['head']}"]]
    if method == "GET" and path.startswith("pulls/main/"):
        found = [pull for pull in forge.pulls if pull["head"] == path.removeprefix("pulls/main/")]
        return (200, _told(forge, found[0])) if found else GONE
    if method == "GET" and path.removeprefix("pulls/").isdigit():
        return 200, _told(forge, forge.pulls[int(path.removeprefix("pulls/")) - 1])
    return GONE


def _gitlab(forge: Forge, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
    if (method, path) == ("POST", "repository/commits"):
        (action,) = body["actions"]
        if not forge.branch(body["branch"], body["start_branch"]):
            return 400, {"message": f"A branch called '{body['branch']}' already exists. Switch to that branch in order to make changes"}
        if (action["file_path"] in forge.files[body["branch"]]) != (action["action"] == "update"):
            return 400, {"message": "A file with this name already exists"}
        forge.write(body["branch"], action["file_path"], action["content"].encode(), body)
        return 201, {"id": "a" * 40}
    if method == "GET" and path.startswith("repository/files/"):
        content = forge.files.get(query["ref"][0], {}).get(unquote(path.removeprefix("repository/files/")))
        return GONE if content is None else (200, {"content": b64encode(content).decode(), "encoding": "base64"})
    if (method, path) == ("POST", "merge_requests"):
        made = forge.pull(body["source_branch"], body["target_branch"])
        said = {"message": ["Another open merge request already exists for this source branch: !1"]}
        return (201, _told(forge, made)) if made else (409, said)
    if (method, path) == ("GET", "merge_requests"):
        return 200, [_told(forge, pull) for pull in forge.pulls if query["source_branch"] == [pull["head"]]]
    if method == "GET" and path.removeprefix("merge_requests/").isdigit():
        return 200, _told(forge, forge.pulls[int(path.removeprefix("merge_requests/")) - 1])
    return GONE


@contextmanager
def running(kind: str) -> Iterator[Forge]:
    """One of them, as a server of this process."""
    forge, lock, over = Forge(kind), threading.Lock(), threading.Event()

    class Handler(Quiet):
        def handle_any(self) -> None:
            url = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            given = " ".join(self.headers.get(name, "") for name in ("Authorization", "PRIVATE-TOKEN"))
            with lock:
                forge.asked.append(f"{self.command} {url.path}")
                trouble = forge.trouble.pop(0) if forge.trouble else None
                if trouble == "hang":
                    lock.release()
                    over.wait(60)
                    lock.acquire()
                    return
                status, said = (
                    answer(forge, self.command, url.path, parse_qs(url.query), body) if trouble in (None, "lost", "drip") else GONE
                )
                if isinstance(trouble, int):
                    status, said = trouble, {"message": "as the test wants it"}
                elif TOKEN not in given.split():
                    status, said = 401, {"message": "Bad credentials"}
            if trouble == "lost":
                self.close_connection = True
                return
            self.send_response(status)
            if forge.kind == "github" and forge.token.expires:
                self.send_header("GitHub-Authentication-Token-Expiration", f"{forge.token.expires} 10:00:00 UTC")
            if forge.kind == "github" and forge.token.scopes is not None:
                self.send_header("X-OAuth-Scopes", ", ".join(forge.token.scopes))
            self.end_headers()
            while trouble == "drip" and not over.is_set():
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
            self.wfile.write(json.dumps(said).encode())

        do_GET = do_POST = do_PUT = handle_any

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as forge.place:
        try:
            yield forge
        finally:
            over.set()
