"""The checkout whose files a command has written: other clones know nothing of that until it is merged."""

from __future__ import annotations

import shlex
import socket

from tenantry.clients.git import Repository
from tenantry.declaration.files import SUFFIX, display
from tenantry.settings import tenants_dir


def place() -> str:
    """Which one it is: machine and folder."""
    return f"{socket.gethostname()}:{tenants_dir()}"


def to_commit(slug: str, message: str) -> str:
    """What is to be done with the tenant's file and assets that were changed here, as one line; empty where the commit has them."""
    paths = [tenants_dir() / f"{slug}{SUFFIX}", tenants_dir() / "assets" / slug]
    repository = Repository.of(tenants_dir())
    if repository is None:
        return f"changed in {place()}, which is in no git repository: put it where the other copies come from"
    changed = repository.dirty(paths)
    if not changed:
        return ""
    named = [path for path in paths if path in changed or any(path in each.parents for each in changed)]
    files = " ".join(shlex.quote(display(path)) for path in named)
    return f"changed in {place()} only; merge it: git add -A -- {files} && git commit -m {shlex.quote(message)} -- {files}"
