"""The system user that runs PostgreSQL where we are root, which PostgreSQL refuses to run as. Anybody else runs it as themselves.

All local clouds of a machine share it: whoever is superuser of one of their servers can read the files of the others'. That is only root,
whose they all are (tenants' roles are no superusers); one account for each home would stay in /etc/passwd for each clone and test run.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tenantry.clients.environment import plain
from tenantry.errors import WorkError

NAME = "tenantry-postgres"


@cache
def account() -> pwd.struct_passwd | None:
    """The system user's account, made where it is missing; None where we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        pass
    try:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
        subprocess.run(command, check=True, capture_output=True, env=plain(), timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        # Two clones may come here at once: the second finds the user made.
        try:
            return pwd.getpwnam(NAME)
        except KeyError:
            raise WorkError(
                f"PostgreSQL does not run as root and no user {NAME} could be made: {error}",
                f"make it, or don't work as root: useradd --system {NAME}",
            ) from None
    return pwd.getpwnam(NAME)


def as_user() -> dict[str, Any]:
    """Arguments for subprocess.run."""
    user = account()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def own(path: Path) -> None:
    """Gives ``path`` (not what is in it) to the system user."""
    if user := account():
        os.chown(path, user.pw_uid, user.pw_gid)


def make_reachable(path: Path) -> None:
    """Lets the system user pass through the folders above ``path``: passing, not reading."""
    if account():
        for folder in path.resolve().parents:
            _add(folder, stat.S_IXOTH)


@cache
def make_readable(folder: Path) -> None:
    """Lets the system user read and run what is in ``folder``, also when it was installed under a strict umask."""
    if not account():
        return
    make_reachable(folder)
    for path in (folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            _add(path, stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def _add(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
