"""The git repository that a folder is in: asked with the git program, which hears nothing of the caller's own repository.

A hook, an alias or `git rebase --exec` tells every program that it starts which repository and which index are meant (``GIT_DIR``,
``GIT_INDEX_FILE`` …). What is asked here is about a folder, whoever asks.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tenantry.clients import process
from tenantry.errors import InputError, WorkError

KEPT: Final = frozenset(
    {
        "GIT_ASKPASS", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_EXEC_PATH", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO",
    }
)  # fmt: skip
"""Those of the caller's ``GIT_*`` that say nothing about which repository is meant: whose settings hold, and how one reaches a server."""
_SAID: Final = {"LC_ALL": "C", "LANGUAGE": "", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
_OPTIONS: Final = ("--no-pager", "--literal-pathspecs", "-c", "core.quotePath=false", "-c", "core.fsmonitor=false")
_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ZERO: Final = re.compile(r"0{40}(?:0{24})?")
_ANCESTOR: Final = re.compile(r"(?:[~^][0-9]*)+\Z")
_AT_ONCE: Final = 16 * 1024 * 1024
"""Bytes of contents that are asked for at one time."""


class Entry(NamedTuple):
    """One file of a commit; ``path`` has no folder above the one that was asked for, and is bytes to git: here as the file system's."""

    mode: str
    blob: str
    path: str

    @property
    def link(self) -> bool:
        """Whether it is a symbolic link: then its contents are where it leads."""
        return self.mode == "120000"


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository whose work tree has ``folder``; both paths without links."""

    folder: Path
    root: Path
    shallow: bool
    """Whether its history was cut off when it was cloned."""

    @classmethod
    def of(cls, folder: Path) -> Repository | None:
        """None where git is not installed, where the folder is in no work tree, and where git will not read another user's repository."""
        try:
            return cls.require(folder)
        except InputError:
            return None

    @classmethod
    def require(cls, folder: Path) -> Repository:
        """As ``of``, but ``InputError`` with the cause and what to do about it."""
        done = ask(folder, "rev-parse", "--is-shallow-repository", "--show-toplevel")
        if done.returncode:
            raise refused(folder, last(done.stderr))
        shallow, _, root = done.stdout.partition(b"\n")
        return cls(folder.resolve(), Path(os.fsdecode(root.removesuffix(b"\n"))).resolve(), shallow == b"true")

    @property
    def prefix(self) -> str:
        """The folder within the work tree, with ``/`` between and behind the names; empty for the work tree's own."""
        inner = self.folder.relative_to(self.root).as_posix()
        return "" if inner == "." else f"{inner}/"

    def head(self) -> str | None:
        """The commit that is checked out; None before the first one."""
        return self._id("HEAD^{commit}")

    def commit(self, name: str) -> str:
        """The commit of a branch, a tag or another of git's names. ``InputError`` with the cause where this clone has none of it."""
        if not name or name.startswith("-"):
            raise InputError(f"{name!r} is not a commit", "name a branch, tag or commit")
        found = self._id(f"{name}^{{commit}}")
        if found is None:
            raise self._unknown(name)
        return found

    def contains(self, commit: str, within: str) -> bool | None:
        """Whether ``commit`` is ``within`` or an ancestor of it. None where this clone lacks one of them, or the history between them."""
        code = self._ask("merge-base", "--is-ancestor", commit, within).returncode
        if code == 0:
            return True
        return None if code != 1 or self.shallow else False

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest commit that both have; None for two histories that have none in common.

        ``InputError`` where the history that would tell was cut off.
        """
        done = self._ask("merge-base", one, other)
        if done.returncode == 0:
            return _lines(done.stdout)[0]
        if self.shallow:
            raise InputError(f"where {one[:12]} and {other[:12]} part is not in this clone: its history was cut off", UNSHALLOW)
        return None

    def dirty(self, paths: Iterable[Path]) -> set[Path]:
        """Those of the paths, and of the files below them, that are not as in the commit: changed, removed, not added, ignored."""
        return {path for _, path in self._status(paths)}

    def untracked(self, paths: Iterable[Path]) -> set[Path]:
        """Those of the paths, and of the files below them, that git does not have: not added, or ignored."""
        return {path for state, path in self._status(paths) if state in ("??", "!!")}

    def ignored(self, paths: Iterable[Path]) -> set[Path]:
        """Those of the paths, and of the files below them, that a rule keeps from being added."""
        return {path for state, path in self._status(paths) if state == "!!"}

    def blob(self, commit: str, path: Path) -> str | None:
        """The id of a file's contents in a commit; None where it has no such file."""
        name = self._name(path)
        return None if name is None else self._id(f"{commit}:{name}")

    def removal(self, path: Path) -> str | None:
        """The last commit that removed a file, as git shortens it; None where none did."""
        name = self._name(path)
        done = None if name is None else self._ask("log", "-1", "--diff-filter=D", "--format=%h", "--", name)
        return next(iter(_lines(done.stdout)), None) if done is not None and done.returncode == 0 else None

    def own_file(self, name: str) -> Path:
        """A file of git's own beside this work tree's, such as ``info/exclude``."""
        return self.root / os.fsdecode(self._must("rev-parse", "--git-path", name).removesuffix(b"\n"))

    def knew(self, path: Path, blob: str, within: str) -> bool:
        """Whether some commit of the history of ``within`` has a version of the file with these contents."""
        name = self._name(path)
        if name is None or not _ID.fullmatch(blob):
            return False
        # Merges too, against each parent: what only a merge says is a version as well.
        done = self._ask("log", "--format=", "--raw", "--no-abbrev", "--no-renames", "--full-history", "-m", within, "--", name)
        return done.returncode == 0 and blob.encode() in done.stdout

    def files(self, commit: str, below: str | None = None) -> list[Entry]:
        """The files and links of a commit below a folder of the work tree (``prefix``'s form); this repository's ``folder`` where it is
        left out. Submodules are none."""
        prefix = self.prefix if below is None else below
        done = self._must("ls-tree", "-r", "-z", "--full-tree", commit, *([prefix] if prefix else []))
        found = []
        for line in done.split(b"\0"):
            if line:
                about, _, path = line.partition(b"\t")
                mode, kind, blob = about.decode().split(" ")
                if kind == "blob" and b".." not in path.split(b"/"):
                    found.append(Entry(mode, blob, os.fsdecode(path).removeprefix(prefix)))
        return found

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """Bytes of each; without those that this clone lacks."""
        chosen = list(dict.fromkeys(blobs))
        answer = self._must("cat-file", "--batch-check=%(objectname) %(objectsize)", given=_asked(chosen)) if chosen else b""
        lines = (line.split(" ") for line in _lines(answer))
        return {words[0]: int(words[1]) for words in lines if words[1].isdigit()}

    def contents(self, blobs: Iterable[str], limit: int) -> Iterator[tuple[str, bytes]]:
        """What each is, a few MB at a time; without those over ``limit`` bytes and those that this clone lacks."""
        batch: list[str] = []
        room = _AT_ONCE
        for blob, size in self.sizes(blobs).items():
            if size > limit:
                continue
            if batch and size > room:
                yield from self._read(batch)
                batch, room = [], _AT_ONCE
            batch.append(blob)
            room -= size
        if batch:
            yield from self._read(batch)

    def _read(self, blobs: list[str]) -> Iterator[tuple[str, bytes]]:
        answer = self._must("cat-file", "--batch", given=_asked(blobs))
        at = 0
        while at < len(answer):
            end = answer.index(b"\n", at)
            words = answer[at:end].split(b" ")
            at = end + 1
            if len(words) == 3:  # else: "… missing"
                size = int(words[2])
                yield words[0].decode(), answer[at : at + size]
                at += size + 1

    def _status(self, paths: Iterable[Path]) -> Iterator[tuple[str, Path]]:
        names = [name for path in paths if (name := self._name(path)) is not None]
        if not names:
            return
        # --no-renames: else a renamed file is one line with two names.
        options = ("--porcelain", "-z", "--untracked-files=all", "--ignored=traditional", "--no-renames", "--ignore-submodules=none")
        for line in self._must("status", *options, "--", *names).split(b"\0"):
            if line:
                yield line[:2].decode(), self.root / os.fsdecode(line[3:])

    def _name(self, path: Path) -> str | None:
        """A path as git writes it; None outside of the work tree. The last name may be a link's own."""
        whole = self.folder / path
        place = whole.parent.resolve() / whole.name
        if place == self.root:
            return "."
        return place.relative_to(self.root).as_posix() if place.is_relative_to(self.root) else None

    def _unknown(self, name: str) -> InputError:
        if self.head() is None:
            return InputError(f"there is no {name!r}: {self.root} has no commit yet", "git commit, then run the same command again")
        if _ZERO.fullmatch(name):
            return InputError(
                "a commit of zeros is none: it is what a pipeline says of a branch that was not there before",
                "name the branch that the new one began at: origin/main",
            )
        if self.shallow:
            return InputError(f"this clone has no {name!r}: its history was cut off", UNSHALLOW)
        if _ID.fullmatch(name):
            return InputError(
                f"this clone has no commit {name}: no branch has it, or has it any more (force-pushed, or never fetched)",
                f"git fetch origin {name}; where the server has it no more either, name a branch: origin/main",
            )
        after = _ANCESTOR.sub("", name)
        if after != name and self._id(f"{after}^{{commit}}") is not None:
            return InputError(f"there is no {name!r}: the history of {after} begins later", "where all is new: tenantry up --all")
        branches = _lines(self._ask("for-each-ref", "--format=%(refname:short)").stdout)
        same = [branch for branch in branches if branch.partition("/")[2] == name]
        if same:
            return InputError(f"this clone has no {name!r}", f"did you mean {same[0]}?")
        return InputError(f"there is no commit {name!r}", "name a branch, tag or commit; git branch --all shows the branches")

    def _id(self, name: str) -> str | None:
        done = self._ask("rev-parse", "--verify", "--quiet", name)
        return _lines(done.stdout)[0] if done.returncode == 0 else None

    def _ask(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return ask(self.root, *arguments, given=given)

    def _must(self, *arguments: str, given: bytes = b"") -> bytes:
        done = self._ask(*arguments, given=given)
        if done.returncode:
            raise WorkError(f"git {arguments[0]}: {last(done.stderr)}", f"git -C {self.root} fsck shows what the repository lacks")
        return done.stdout


UNSHALLOW: Final = "git fetch --unshallow; in GitHub's actions/checkout: fetch-depth: 0"


def environment() -> dict[str, str]:
    """This process's variables without what tells git of a repository; git then speaks English, asks nobody and writes nothing."""
    return {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in KEPT} | _SAID


def ask(
    folder: Path, *arguments: str, given: bytes = b"", options: tuple[str, ...] = (), limit: float = process.LIMIT
) -> subprocess.CompletedProcess[bytes]:
    """What git answers about a folder; ``options`` stand before the command. ``WorkError`` after ``limit`` seconds."""
    command = ["git", "-C", str(folder), *_OPTIONS, *options, *arguments]
    try:
        return process.run(command, environment=environment(), given=given, limit=limit)
    except FileNotFoundError:
        raise InputError("git is not installed", "other commits are read through git: install it, or leave the option out") from None


def refused(folder: Path, cause: str) -> InputError:
    if "dubious ownership" in cause:
        owned = re.search(r"repository at '(.*)'", cause)
        return InputError(
            f"git does not read {owned[1] if owned else folder}: it is another user's",
            f"git config --global --add safe.directory {owned[1] if owned else folder}",
        )
    if "not a git repository" in cause or "must be run in a work tree" in cause:
        return InputError(f"{folder} is in no git repository", "run this in a clone: an unpacked archive has no earlier commits")
    return InputError(f"git cannot read {folder}: {cause}", f"git -C {folder} status")


def _asked(blobs: Iterable[str]) -> bytes:
    return "".join(f"{blob}\n" for blob in blobs).encode()


def _lines(text: bytes) -> list[str]:
    return text.decode("utf-8", "replace").splitlines()


def last(stderr: bytes) -> str:
    """What git says is wrong: its line that begins with `fatal:`, or the last one."""
    lines = [line for line in _lines(stderr) if line.strip()]
    fatal = [line for line in lines if line.startswith("fatal:")]
    return (fatal or lines or ["git failed"])[-1].removeprefix("fatal: ").strip()
