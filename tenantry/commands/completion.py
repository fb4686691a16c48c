"""What a shell completes: slugs, by the names of the files that declare them. No server is asked and no file is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tenantry.errors import InputError
from tenantry.settings import tenants_dir


def slugs(ctx: Any, incomplete: str) -> list[str]:
    """The declared tenants that begin so; none where there is no folder of declarations, for a completion has nobody to tell."""
    chosen = ctx.find_root().params.get("tenants")  # --tenants DIR, before the command
    try:
        directory = Path(chosen) if chosen else tenants_dir()
    except InputError:
        return []
    return sorted(path.stem for path in directory.glob("*.yaml") if path.stem.startswith(incomplete))
