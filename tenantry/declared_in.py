"""Where a platform's declarations are kept, as the setting ``tenantry:declarations`` says: docs/declaration-store.md."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tenantry.errors import InputError

VARIABLE: Final = "TENANTRY_DECLARATIONS"
RULE: Final = "folder, git:PATH#BRANCH, github:OWNER/NAME#BRANCH, gitlab:GROUP/NAME#BRANCH or gitea:https://HOST/OWNER/NAME#BRANCH"

Kind = Literal["folder", "git", "github", "gitlab", "gitea"]
Forge = Literal["github", "gitlab", "gitea"]

_SETTING: Final = re.compile(r"(git|github|gitlab|gitea):([^#\s]+)#([A-Za-z0-9][A-Za-z0-9._/-]*)(?::([A-Za-z0-9._/-]*))?")
_FORGED: Final = re.compile(r"(?:(https://[^/]+|http://(?:127\.0\.0\.1|localhost)(?::[0-9]+)?)/)?([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+)")
_AT: Final = {"github": "https://github.com", "gitlab": "https://gitlab.com"}


@dataclass(frozen=True, slots=True)
class DeclaredIn:
    """The setting, read. ``place``: the repository's folder, or the forge's address; ``folder``: of the declarations in the repository."""

    kind: Kind = "folder"
    place: str = ""
    repository: str = ""
    branch: str = ""
    folder: str = "tenants"

    @classmethod
    def parse(cls, text: str) -> DeclaredIn:
        """``InputError`` for what is none."""
        if text == "folder":
            return cls()
        found = _SETTING.fullmatch(text)
        good = found is not None and not {"..", "."} & {*found[3].split("/"), *(found[4] or "").split("/")} and ".." not in found[3]
        if found is None or not good or found[3].endswith(("/", ".", ".lock")):
            raise InputError(f"the setting tenantry:declarations cannot be {text!r}", RULE)
        kind, named, branch = found[1], found[2], found[3]
        folder = "tenants" if found[4] is None else found[4].strip("/")
        if kind == "git":
            return cls("git", named, "", branch, folder)
        forged = _FORGED.fullmatch(named)
        place = forged and (forged[1] or _AT.get(kind))
        if forged is None or place is None:
            raise InputError(f"the setting tenantry:declarations cannot be {text!r}", RULE)
        for forge in ("github", "gitlab", "gitea"):
            if kind == forge:
                return cls(forge, place, forged[2].removesuffix(".git"), branch, folder)
        raise AssertionError(kind)

    @property
    def inside(self) -> str:
        """The folder as a prefix of paths in the repository; empty for its root."""
        return f"{self.folder}/" if self.folder else ""

    @property
    def forged(self) -> bool:
        """Whether changes are proposed on a forge."""
        return self.kind in ("github", "gitlab", "gitea")

    def repository_at(self, root: Path) -> Path:
        """The repository of a branch; ``root`` is what a path that is not absolute is below."""
        return root / Path(self.place).expanduser()

    def checkout(self, root: Path) -> Path:
        """Where this user keeps the files of a branch, for whoever reads."""
        named = Path(os.environ.get("XDG_CACHE_HOME", ""))
        cache = named if named.is_absolute() else Path.home() / ".cache"
        key = hashlib.sha256(f"{self.repository_at(root).resolve()}#{self.branch}".encode()).hexdigest()[:24]
        return cache / "tenantry" / "checkouts" / key
