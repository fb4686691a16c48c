"""One repository and the clones of those who work with it: who writes, what the pipeline has, who types commands, what workers read."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tenantry.declaration import Declarations, load

CLONES = ("author", "pipeline", "operator", "one", "two", "judge")
DEFAULTS = "defaults"
FOLDER = "tenants"

PERSON = {
    "GIT_AUTHOR_NAME": "Ada Byron", "GIT_AUTHOR_EMAIL": "ada@histories.example",
    "GIT_COMMITTER_NAME": "Ada Byron", "GIT_COMMITTER_EMAIL": "ada@histories.example",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip


class Refused(Exception):
    """Git did not do it."""


class Repositories:
    """``origin`` and its clones below one folder. All that is done is in ``lines`` as well, as a shell says it: ``$W`` is the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[str] = []
        self._up_to: dict[str, frozenset[str]] = {}  # what a commit is and comes after stays: it is asked hundreds of times

    def make(self, files: Mapping[str, str | None], defaults: Path) -> None:
        """The repository with one commit on main, and every clone at it."""
        self.root.mkdir()
        self._run("git", "init", "-q", "--bare", "-b", "main", str(self.root / "origin"))
        # As a server that has been told so: a clone gets the commit that it is to have, and none that came later.
        self.git("origin", "config", "uploadpack.allowAnySHA1InWant", "true")
        self._run("git", "clone", "-q", (self.root / "origin").as_uri(), str(self.root / "author"))
        self.git("author", "checkout", "-q", "-b", "main")
        shutil.copytree(defaults, self.tenants("author") / DEFAULTS)
        for path, text in files.items():
            self.write(path, text)
        self.commit("The tenants as at the beginning")
        self.git("author", "push", "-q", "origin", "main")
        for name in CLONES[1:]:
            shutil.copytree(self.root / "author", self.root / name, symlinks=True)  # a clone of its own would be the same, and take longer
            self.git(name, "checkout", "-q", "--detach")

    def tenants(self, clone: str) -> Path:
        return self.root / clone / FOLDER

    def git(self, clone: str, *arguments: str) -> str:
        """What it said. ``Refused`` where it failed."""
        words = [argument.replace(str(self.root), "$W") for argument in arguments]
        self.lines.append(" ".join(("git -C", f'"$W/{clone}"', *(_word(word) for word in words))))
        return self._run("git", "-C", str(self.root / clone), *arguments)

    def _run(self, *command: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | PERSON
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def read(self, path: str) -> str | None:
        """A file of the author's work tree."""
        file = self.tenants("author") / path
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def write(self, path: str, text: str | None) -> None:
        """The same, written; None: removed."""
        file = self.tenants("author") / path
        name = f'"$W/author/{FOLDER}/{path}"'
        if text is None:
            file.unlink(missing_ok=True)
            self.lines.append(f"rm -f {name}")
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.lines += [f"mkdir -p $(dirname {name}); cat > {name} <<'END'", text.removesuffix("\n"), "END"]

    def commit(self, message: str) -> bool:
        """All that the author has changed; whether that was anything."""
        self.git("author", "add", "-A")
        if not self._run("git", "-C", str(self.root / "author"), "status", "--porcelain"):
            return False
        self.git("author", "commit", "-q", "-m", message)
        return True

    def main(self, back: int = 0) -> str:
        """The commit on main that is so many first parents behind its head, or the oldest."""
        behind = self._run("git", "-C", str(self.root / "origin"), "rev-list", "--first-parent", f"--max-count={back + 1}", "main").split()
        return behind[-1]

    def length(self) -> int:
        """Commits of main, by first parents."""
        return int(self._run("git", "-C", str(self.root / "origin"), "rev-list", "--first-parent", "--count", "main"))

    def have(self, clone: str, back: int = 0) -> str:
        """Gives a clone that commit of main and no later one, and checks it out: what was changed there and not committed is lost."""
        commit = self.main(back)
        back = min(back, self.length() - 1)
        self.lines.append(f"have {clone} main~{back}")
        self._run("git", "-C", str(self.root / clone), "fetch", "-q", "origin", commit)
        self._run("git", "-C", str(self.root / clone), "checkout", "-q", "-f", "--detach", commit)
        self._run("git", "-C", str(self.root / clone), "clean", "-q", "-fd")
        return commit

    def contains(self, commit: str, within: str) -> bool:
        """Whether ``within`` is that commit or comes after it."""
        if within not in self._up_to:
            command = ("git", "-C", str(self.root / "origin"), "rev-list", within)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:  # nobody has pushed it yet
                return False
            self._up_to[within] = frozenset(done.stdout.split())
        return commit in self._up_to[within]

    def tree(self, commit: str) -> Path:
        """The tenants folder of a commit."""
        place = self.root / "trees" / commit
        if not place.exists():
            place.mkdir(parents=True)
            archive = subprocess.run(["git", "-C", self.root / "origin", "archive", commit, FOLDER], capture_output=True, check=True)
            subprocess.run(["tar", "-x", "-C", place], input=archive.stdout, check=True)
        return place / FOLDER

    def declared(self, commit: str) -> Declarations:
        return load(self.tree(commit))


def _word(text: str) -> str:
    return f'"{text}"' if text.startswith("$W") else shlex.quote(text)
