"""What becomes of main: pull requests, reverts, and the lines that commands wrote, merged by its author."""

from __future__ import annotations

import copy
from contextlib import suppress
from functools import partial

import yaml

from tests.histories.acts import Change, Merge
from tests.histories.repositories import Refused, Repositories


class Merging:
    """Works in the author's clone. Where git finds a conflict nothing is merged: nobody is there to resolve it."""

    def __init__(self, repositories: Repositories) -> None:
        self.git = repositories
        self._later: list[str] = []
        self._numbers = iter(range(1000))

    def merge(self, act: Merge) -> None:
        name = f"b{next(self._numbers)}"
        git = partial(self.git.git, "author")
        back = min(act.behind, self.git.length() - 1)
        git("checkout", "-q", "-f", "-B", name, f"main~{back}" if back else "main")
        for change in act.changes:
            self._change(change)
            self.git.commit(f"Change {change}")
        self._into_main(name, act.how)

    def _into_main(self, name: str, how: str) -> None:
        git = partial(self.git.git, "author")
        try:
            if how == "rebase":
                git("checkout", "-q", name)
                git("rebase", "-q", "main")
                git("checkout", "-q", "main")
                git("merge", "-q", "--ff-only", name)
            elif how == "squash":
                git("checkout", "-q", "main")
                git("merge", "-q", "--squash", name)
                self.git.commit(f"Squash {name}")
            else:
                git("checkout", "-q", "main")
                git("merge", "-q", "--no-ff", "-m", f"Merge {name}", name)
            git("push", "-q", "origin", "main")
        except Refused:  # a conflict, which nobody resolves
            self._give_up()

    def _give_up(self) -> None:
        for what in ("rebase", "merge", "revert"):
            with suppress(Refused):
                self.git.git("author", what, "--abort")
        self.git.git("author", "checkout", "-q", "-f", "main")
        self.git.git("author", "reset", "-q", "--hard", "origin/main")

    def _change(self, change: Change) -> None:
        text = self.git.read(change.path)
        if not change.key:
            if (text is None) == (change.value is None):
                return
            self.git.write(change.path, None if change.value is None else yaml.safe_dump(change.value, sort_keys=False))
        elif text is not None:
            document = yaml.safe_load(text)
            *outer, last = change.key.split(".")
            place = document
            for key in outer:
                place = place.setdefault(key, {})
            place[last] = copy.copy(change.value)
            self.git.write(change.path, yaml.safe_dump(document, sort_keys=False))

    def revert(self, back: int) -> None:
        git = partial(self.git.git, "author")
        git("checkout", "-q", "-f", "main")
        back = min(back, self.git.length() - 2)
        if back < 0:
            return
        commit = f"main~{back}"
        merged = len(git("rev-list", "--parents", "-n", "1", commit).split()) > 2
        try:
            git("revert", "--no-edit", *(("-m", "1") if merged else ()), commit)
            git("push", "-q", "origin", "main")
        except Refused:
            self._give_up()

    def merge_line(self) -> None:
        """The oldest line that a command wrote and nobody has merged; nothing where there is none."""
        if not self._later:
            return
        name = self._later.pop(0)
        self.git.git("author", "fetch", "-q", "origin", name)
        self.git.git("author", "checkout", "-q", "-B", name, "FETCH_HEAD")
        self._into_main(name, "merge")

    def commit_line(self, line: str) -> None:
        """What a command wrote in the operator's clone, as a branch: ``merged`` at once, or ``later``."""
        name = f"op{next(self._numbers)}"
        git = partial(self.git.git, "operator")
        git("checkout", "-q", "-b", name)
        try:
            git("commit", "-q", "-a", "-m", f"What a command wrote: {name}")
        except Refused:  # it wrote nothing
            git("checkout", "-q", "--detach")
            return
        git("push", "-q", "origin", name)
        git("checkout", "-q", "--detach")
        self._later.append(name)
        if line == "merged":
            self._later.insert(0, self._later.pop())
            self.merge_line()
