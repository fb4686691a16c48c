"""Generated passwords and tokens of a local cloud: made once, kept in files that only their owner reads."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def keep(path: Path, nbytes: int = 20) -> str:
    """The secret in ``path``; where there is none, a new one of 2 x ``nbytes`` hexadecimal digits."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(nbytes))
        try:
            # Of two that come at once the first wins, and a reader never sees half a secret.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
