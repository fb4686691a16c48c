"""A branch of a repository on this machine, changed without a work tree: one commit for each change, and only on the head that was seen.

Where the repository has a remote of the name ``origin``, the branch there is the one that counts: docs/adr/0040.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import uuid4

from tenantry.clients import git
from tenantry.clients.git_commit import Files, stream
from tenantry.errors import Code, InputError, TransientError, WorkError

REMOTE: Final = "origin"
TIDYING: Final = 600
AWAY: Final = 20
"""Seconds that a remote has for one answer."""

# Little processor: a commit is a pack of its own until `git gc` makes one of many.
_QUICK: Final = ("-c", "core.compression=0", "-c", "pack.compression=0", "-c", "pack.depth=0", "-c", "fastimport.unpackLimit=0")
_QUIET: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false", "-c", "advice.detachedHead=false")
# What git has begun for a remote ends by itself when that says nothing.
_FAR: Final = (*_QUIET, "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=10")
_RACED: Final = re.compile(rb"stale info|non-fast-forward|fetch first|cannot lock ref|failed to update ref|incorrect old value")
_GONE: Final = re.compile(rb"couldn't find remote ref")


class Overtaken(TransientError):
    """The branch, or the file, is another by now: nothing was written."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was changed by somebody else meanwhile", "run the same again")


class Unusable(TransientError):
    """The repository or its branch is not there, until somebody mends it. Whoever asked has done nothing wrong."""

    code: Code = "declarations.unusable"


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch by the folder of its repository, which has a work tree or none."""

    repository: Path
    name: str

    @property
    def _ref(self) -> str:
        return f"refs/heads/{self.name}"

    def head(self) -> str:
        """The commit that it is at here. ``Unusable`` where there is no such branch or repository."""
        done = git.ask(self.repository, "rev-parse", "--verify", "--quiet", f"{self._ref}^{{commit}}")
        if done.returncode == 0:
            return done.stdout.decode().strip()
        self._require()
        raise Unusable(f"{self.repository} has no branch {self.name}", "tenantry:declarations names the repository and the branch")

    def remote(self) -> bool:
        """Whether the branch that counts is elsewhere."""
        configured = [self.repository / "config", self.repository / ".git" / "config"]
        changed = next((file.stat().st_mtime_ns for file in configured if file.is_file()), 0)
        return _remote(self.repository, changed)

    def fetch(self) -> str:
        """The commit that it is at; that of the remote, where there is one. ``TransientError`` where that does not answer, or has no such
        branch (``Unusable``)."""
        if not self.remote():
            return self.head()
        theirs = f"refs/tenantry/{REMOTE}/{self.name}"
        done = self._far("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", REMOTE, f"+{self._ref}:{theirs}")
        if done.returncode:
            if _GONE.search(done.stderr):
                raise Unusable(
                    f"the remote {REMOTE} has no branch {self.name}",
                    "tenantry:declarations names the branch: the setting has to follow a new name",
                )
            raise _unreachable(done.stderr)
        found = git.ask(self.repository, "rev-parse", "--verify", f"{theirs}^{{commit}}").stdout.decode().strip()
        self._follow(found)
        return found

    def blobs(self, commit: str, paths: list[str]) -> list[bytes | None]:
        """The contents of each path in a commit; None for what is no file there."""
        asked = "".join(f"{commit}:{path}\n" for path in paths).encode()
        answer = self._must("cat-file", "--batch", given=asked)
        found: list[bytes | None] = []
        at = 0
        for _ in paths:
            end = answer.index(b"\n", at)
            words = answer[at:end].rsplit(b" ", 2)
            at = end + 1
            if words[-1] == b"missing":
                found.append(None)
                continue
            size = int(words[2])
            found.append(answer[at : at + size] if words[1] == b"blob" else None)
            at += size + 1
        return found

    def changed(self, before: str, after: str, folder: str) -> list[str] | None:
        """The paths below ``folder`` in which two commits differ, as they stand behind it; None where the first is not here any more."""
        done = git.ask(self.repository, "diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after, "--", folder or ".")
        if done.returncode:
            return None
        return [os.fsdecode(path).removeprefix(folder) for path in done.stdout.split(b"\0") if path]

    def commit(self, on: str, files: Files) -> str:
        """Puts one commit on the branch whose head is ``on``; its id. ``Overtaken`` where the head is another one by now."""
        scratch = f"refs/tenantry/new/{uuid4().hex}"
        done = git.ask(self.repository, "fast-import", "--quiet", "--done", given=stream(scratch, on, files), options=_QUICK)
        if done.returncode:
            if self.head() != on:  # somebody has forced another one upon it, and git has cleared ours away
                raise Overtaken(f"the branch {self.name}")
            raise WorkError(f"git fast-import: {git.last(done.stderr)}", f"git -C {self.repository} fsck shows what the repository lacks")
        made = done.stdout.decode().strip()
        try:
            if self.remote():
                self._push(on, made)
                self._follow(made)
            else:
                self._update(f"update {self._ref} {made} {on}\ndelete {scratch}\n")
                return made
        except BaseException:
            git.ask(self.repository, "update-ref", "-d", scratch)
            raise
        git.ask(self.repository, "update-ref", "-d", scratch)
        return made

    def rehearse(self, head: str) -> None:
        """Does what a commit on ``head`` does, and changes nothing. ``WorkError`` where this user may not; ``TransientError`` where the
        remote does not answer. What a remote's own rules say of the branch shows with the first commit."""
        for done in (
            git.ask(self.repository, "hash-object", "-w", "--stdin"),
            git.ask(self.repository, "update-ref", self._ref, head, head),
        ):
            if done.returncode and self.head() == head:
                raise WorkError(
                    f"no commit can be made in {self.repository}: {git.last(done.stderr)}",
                    "let the user that runs the service and the worker write into it",
                )
        if self.remote():
            done = self._far("push", "--dry-run", "--porcelain", "--no-verify", REMOTE, f"{head}:{self._ref}")
            if done.returncode:
                raise WorkError(
                    f"the remote {REMOTE} takes no commit: {git.last(done.stderr)}",
                    "give the user that runs the service and the worker git's access to it: docs/production.md, A forge",
                )

    def made_at(self, commit: str) -> datetime:
        """When a commit was made."""
        return datetime.fromtimestamp(int(self._must("show", "--no-patch", "--format=%ct", commit)), UTC)

    def tidy(self) -> None:
        """Packs what many commits have left, where that is worth it."""
        git.ask(self.repository, "gc", "--auto", "--quiet", limit=TIDYING)

    def check_out(self, folder: Path, commit: str) -> None:
        """Lets ``folder``, a work tree beside the repository's own, have the files of a commit. One that was left half-made, or is of a
        repository that is gone, is made anew: nobody works in it."""
        there = self.checked_out(folder)
        if there == commit:
            return
        if there is not None and not self._files_of(folder, commit):
            return
        self.require_unused()
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._must("worktree", "prune")
        self._must("worktree", "add", "--quiet", "--force", "--no-checkout", "--detach", str(folder), commit)
        if refused := self._files_of(folder, commit):
            raise WorkError(f"git checkout: {refused}", f"git -C {self.repository} fsck shows what the repository lacks")

    def _files_of(self, folder: Path, commit: str) -> str:
        """Empty where the folder has them now; else why not."""
        done = git.ask(folder, "checkout", "--quiet", "--force", "--detach", commit, options=_QUIET)
        return git.last(done.stderr) if done.returncode else ""

    def checked_out(self, folder: Path) -> str | None:
        """The commit whose files ``folder`` has; None where it is not there, or belongs to no repository of its own."""
        done = git.ask(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") if (folder / ".git").is_file() else None
        return done.stdout.decode().strip() if done is not None and done.returncode == 0 else None

    def require_unused(self) -> None:
        """``InputError`` where somebody's work tree is on the branch: its files would not follow, and the next commit there undo ours."""
        for entry in self._must("worktree", "list", "--porcelain").decode("utf-8", "replace").split("\n\n"):
            lines = entry.splitlines()
            if f"branch {self._ref}" in lines and "bare" not in lines:
                raise InputError(
                    f"{self.name} is checked out in {lines[0].removeprefix('worktree ')}",
                    "name a bare repository (git clone --bare), or another branch",
                )

    def _push(self, on: str, made: str) -> None:
        """Never by force: ``made`` stands on ``on``, and the remote takes it while it is at that."""
        lease = f"--force-with-lease={self._ref}:{on}"
        done = None
        try:
            done = self._far("push", "--porcelain", "--no-verify", lease, REMOTE, f"{made}:{self._ref}")
        except WorkError:
            if self._has(made):  # it was taken, and the answer lost
                return
            raise
        if done.returncode == 0 or self._has(made):
            return
        said = done.stdout + done.stderr
        if _RACED.search(said):
            raise Overtaken(f"the branch {self.name}")
        if b"[remote rejected]" in said:
            reason = re.search(rb"\[remote rejected\] \((.*)\)", said)
            why = reason[1].decode("utf-8", "replace") if reason else "rejected"
            raise WorkError(
                f"the remote does not take a commit on {self.name}: {why}", "let this program push there, or propose on a forge"
            )
        raise _unreachable(done.stderr)

    def _has(self, made: str) -> bool:
        try:
            found = self.fetch()
        except TransientError:
            return False
        return git.ask(self.repository, "merge-base", "--is-ancestor", made, found).returncode == 0

    def _follow(self, commit: str) -> None:
        """Lets the branch here be at what the remote's is at."""
        git.ask(self.repository, "update-ref", self._ref, commit)

    def _update(self, transaction: str) -> None:
        done = git.ask(self.repository, "update-ref", "--stdin", given=transaction.encode())
        if done.returncode == 0:
            return
        if b"cannot lock ref" in done.stderr or b"is at" in done.stderr:  # also where the branch is gone: looking again says so
            raise Overtaken(f"the branch {self.name}")
        raise WorkError(f"git update-ref: {git.last(done.stderr)}", f"git -C {self.repository} fsck")

    def _far(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return git.ask(self.repository, *arguments, options=_FAR, limit=AWAY)
        except WorkError as error:
            raise TransientError(error.message, "the remote is tried again with the next change") from None

    def _must(self, *arguments: str, given: bytes = b"") -> bytes:
        done = git.ask(self.repository, *arguments, given=given)
        if done.returncode:
            self._require()
            raise git.refused(self.repository, git.last(done.stderr))
        return done.stdout

    def _require(self) -> None:
        """``Unusable`` where there is no repository, or git will not read it."""
        if not self.repository.is_dir():
            raise Unusable(f"{self.repository} is not there", f"bring it back, or: git clone --bare URL {self.repository}")
        there = git.ask(self.repository, "rev-parse", "--git-dir")
        if there.returncode:
            cause = git.refused(self.repository, git.last(there.stderr))
            raise Unusable(cause.message, cause.hint)


@lru_cache(maxsize=16)
def _remote(repository: Path, changed: int) -> bool:
    """``changed``: when its settings were, so that a remote that is added is seen."""
    return git.ask(repository, "config", "--get", f"remote.{REMOTE}.url").returncode == 0


def _unreachable(stderr: bytes) -> TransientError:
    return TransientError(f"the remote {REMOTE} cannot be reached: {git.last(stderr)}", "git fetch in that repository shows why")
