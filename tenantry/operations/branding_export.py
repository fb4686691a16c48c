"""A tenant's branding as files, for a build that needs its own output: what its file declares, the same bytes on every machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tenantry.declaration.assets import content_type, published
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError, WorkError
from tenantry.rendering.face import Face

LIST: Final = "branding-files.json"
"""Names what the last export wrote: a later one replaces and removes these, and nothing else."""


@dataclass(frozen=True)
class Exported:
    """What was written, by name, in ``directory``; ``removed``: what the export before had written and this one has not."""

    slug: str
    directory: Path
    files: tuple[str, ...]
    removed: tuple[str, ...]


def export(slug: str, directory: Path) -> Exported:
    """Writes the tenant's branding into ``directory``, which is made where it is missing.

    ``theme.css`` (variables, then the tenant's own rules), ``tokens.json`` (design tokens, 2025.10), ``branding.json`` (names and legal
    links), ``manifest.webmanifest``, ``favicon.*`` and, where one is declared, ``logo.*``. ``InputError`` for a tenant that no file
    declares, and for a folder with files that are no export's; ``WorkError`` where it cannot be written.
    """
    store = DeclarationStore.of_platform()
    tenant = store.load().tenant(slug)
    contents = _contents(Face.declared(tenant), store.directory, tenant.branding.logo, tenant.branding.favicon)
    before = _before(directory)
    if strange := sorted(name for name in contents.keys() - before if _there(directory / name)):
        raise InputError(
            f"{directory} has {strange[0]}, which no export wrote", "name a folder of its own with --out", code="input.invalid"
        )
    removed = tuple(sorted(before - contents.keys()))
    listed = (json.dumps({"tenant": slug, "files": sorted(contents)}, indent=2) + "\n").encode()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(directory / LIST, listed)  # first: what a killed export leaves is an export's
        for name, data in contents.items():
            _write(directory / name, data)
        for name in removed:
            (directory / name).unlink(missing_ok=True)
    except OSError as error:
        raise WorkError(f"cannot write {directory}: {error.strerror}", "check the folder's permissions, then run it again") from None
    return Exported(slug, directory, tuple(sorted(contents)), removed)


def _contents(face: Face, declared: Path, logo: str | None, favicon: str | None) -> dict[str, bytes]:
    icon = f"favicon.{favicon.rpartition('.')[2]}" if favicon else "favicon.svg"
    pictures = {icon: published(declared, favicon) if favicon else face.icon().encode()}
    if logo:
        pictures[f"logo.{logo.rpartition('.')[2]}"] = published(declared, logo)
    branding = {"tenant": face.slug, "name": face.name, "app_name": face.app_name, "legal": {"terms": face.terms, "privacy": face.privacy}}
    return {
        "theme.css": face.stylesheet().encode(),
        "tokens.json": face.tokens().encode(),
        "branding.json": (json.dumps(branding, indent=2, ensure_ascii=True) + "\n").encode(),
        "manifest.webmanifest": face.manifest(icon, content_type(icon)).encode(),
        **pictures,
    }


def _before(directory: Path) -> set[str]:
    """What the export before wrote, by its list; names that lead out of the folder are none."""
    file = directory / LIST
    if not _there(file):
        return set()
    try:
        names = json.loads(file.read_bytes())["files"] if not file.is_symlink() else None
    except (OSError, ValueError, KeyError, TypeError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) and name == Path(name).name and name for name in names):
        raise InputError(f"{file} is not an export's list", "name a folder of its own with --out")
    return set(names)


def _there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; a link in its place is replaced, not followed."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    scratch.write_bytes(data)
    scratch.replace(path)
