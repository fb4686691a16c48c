"""Declarations kept in a folder: whoever may write there is its writer."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tenantry.clients.git_branch import Overtaken
from tenantry.declaration import kept
from tenantry.declaration.files import SUFFIX, FileReader
from tenantry.declaration.keeper import Change
from tenantry.declaration.names import Names
from tenantry.errors import InputError
from tenantry.problems import DeclarationErrors
from tenantry.settings import PlatformSettings

SWEEP: Final = 10.0
"""Seconds after which it is asked of every file whether it has changed. In between a file counts as changed when it is another one: ours,
git's and most editors' changes make it so."""

Facts = tuple[int, int, int]
"""The inode, its last change, which nothing but a change gives, and its size."""


class _Seen(NamedTuple):
    """What a process has read of a folder, and what its files were known by then."""

    names: Names
    files: dict[str, Facts]
    tiers: dict[str, Facts]
    looked: float
    """When it was last asked of every file, by the clock that only goes forward."""


_SEEN: Final[dict[tuple[Path, PlatformSettings | None], _Seen]] = {}
"""A command looks once, the service at each request: of 10,000 files it then asks only for their times."""


class Folder:
    """See ``Keeper``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The files are as they are."""
        yield

    def ready(self) -> None:
        """They are."""

    def path(self, slug: str) -> Path:
        """Where the tenant's file is or would be."""
        return self.directory / f"{slug}{SUFFIX}"

    def text(self, slug: str) -> bytes | None:
        """See ``Keeper``."""
        try:
            return self.path(slug).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            return None

    def names(self, settings: PlatformSettings | None, *, fresh: bool = True) -> Names:
        """See ``Keeper``. Within the turn of whoever writes: two threads of a process share what was read."""
        key, now = (self.directory.resolve(), settings), time.monotonic()
        seen = _SEEN.get(key)
        looks = seen is None or now - seen.looked > SWEEP
        files, tiers = _facts(self.directory, seen.files if seen and not looks else {}), _facts(self.directory / "defaults", {})
        changed = [name for name, facts in files.items() if seen.files.get(name) != facts] if seen else []
        if seen is None or seen.tiers != tiers or len(changed) > len(files) // 4 + 10:
            seen = _Seen(Names(kept.load(self.directory, settings).values()), {}, tiers, now)
        elif changed or len(files) != len(seen.files):
            reader = FileReader(self.directory)
            for name in [*changed, *(seen.files.keys() - files.keys())]:
                slug = name.removesuffix(SUFFIX)
                tenant = reader.read(slug) if name in files else None
                if reader.problems:
                    raise DeclarationErrors(reader.problems)
                seen.names.put(slug, tenant)
                seen.files.pop(name, None)
        _SEEN[key] = seen._replace(files=files, looked=now if looks else seen.looked)
        return seen.names

    def put(self, slug: str, before: bytes | None, after: bytes | None, change: Change, at: str | None = None) -> None:
        """See ``Keeper``: a new file appears whole or not at all, and never replaces one; who wrote it is in no file."""
        if before is None and after is not None:
            self._create(slug, after)
        elif self.text(slug) != before:
            raise Overtaken(f"{self.path(slug)}")
        elif after is None:
            self.path(slug).unlink(missing_ok=True)
            shutil.rmtree(self.directory / "assets" / slug, ignore_errors=True)
        else:
            path = self.path(slug)
            scratch = path.with_name(f".{path.name}.tmp")
            scratch.write_bytes(after)
            scratch.chmod(path.stat().st_mode)
            scratch.replace(path)

    def tidy(self) -> None:
        """They leave nothing."""

    def _create(self, slug: str, content: bytes) -> None:
        path = self.path(slug)
        # A link appears whole and fails when the name is taken; a crash leaves at most a hidden file without our suffix.
        handle, name = tempfile.mkstemp(prefix=f".{slug}.", suffix=".new", dir=self.directory)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            os.link(temporary, path)
        except FileExistsError:
            raise InputError(f"{path} exists already", "edit it, or choose another slug", code="tenant.exists") from None
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}", "check the folder's permissions") from None
        finally:
            temporary.unlink(missing_ok=True)


def _facts(folder: Path, known: Mapping[str, Facts]) -> dict[str, Facts]:
    """Of each declaration; what is ``known`` of one that still has its inode stays."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if not name.endswith(SUFFIX) or name[0] == ".":
                    continue
                facts = known.get(name)
                if facts is None or facts[0] != entry.inode():
                    about = entry.stat(follow_symlinks=False)
                    facts = (about.st_ino, about.st_ctime_ns, about.st_size)
                found[name] = facts
    except FileNotFoundError:
        pass
    return found
