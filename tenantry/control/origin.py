"""Where the declaration that a run made of a tenant came from: what a later run compares its own files with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tenantry.actor import name_of_environment
from tenantry.escape import escaped


@dataclass(frozen=True)
class Origin:
    """The files of the newest run that made this of the tenant, or found that it was made."""

    content: str
    """``Fingerprint.content`` of what was made."""
    state: str
    """What the *file* said; what was made may be a command's word."""
    isolation: str
    cell: str
    commit: str | None
    """HEAD of the checkout, whose file may have been edited since; None without git."""
    blob: str
    """Git's id of the file."""
    by: str
    at: str
    """ISO 8601, by the clock of the machine that ran it."""
    word: str | None = None
    """The run of the last command that gave the tenant a state by the time that this file was seen, as it is in the commit."""

    @classmethod
    def of(cls, row: Mapping[str, Any] | None) -> Origin | None:
        """From the ledger's JSON; None for a tenant that was last made by a release that did not keep it."""
        if not row:
            return None
        fields: dict[str, Any] = {name: row.get(name) for name in cls.__dataclass_fields__}
        return cls(**fields)

    @property
    def says(self) -> tuple[str, str, str, str]:
        """What the files say of the tenant."""
        return self.content, self.state, self.isolation, self.cell

    def row(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return asdict(self)

    def said(self) -> str:
        """In words: commit, who and when."""
        when = f"by {self.by} on {self.at[:16].replace('T', ' ')}"
        return f"commit {self.commit[:10]}, applied {when}" if self.commit else f"what was applied {when}"


def blob(file: Path) -> str:
    """Git's id of the file as a repository that ends lines with LF has it."""
    content = file.read_bytes().replace(b"\r\n", b"\n")
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def now() -> str:
    """The moment, as an ``Origin`` has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def actor() -> str:
    """Who runs this, fit for a terminal."""
    return escaped(name_of_environment())
