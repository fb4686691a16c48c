"""Generated passwords and tokens of a local cloud: made once, kept in files that only their owner reads."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from local import private

if TYPE_CHECKING:
    from pathlib import Path


def keep(path: Path, nbytes: int = 20) -> str:
    """The secret in ``path``; where there is none, a new one of 2 x ``nbytes`` hexadecimal digits."""
    private.folder(path.parent)
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with open(fresh, "w", opener=private.opener) as file:  # Path.open takes no opener
            file.write(secrets.token_hex(nbytes))
        try:
            # Of two that come at once the first wins, and a reader never sees half a secret.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
