"""What was read of a folder of declarations, kept between processes: of 10,000 files a command reads those that changed.

Only files without a fault are kept, each with what its reading depended on: itself, its tier's defaults, its pictures, the code. What
several files show together is looked at every time. Declarations hold no secrets; the file is its owner's alone all the same, and one
that another user could have written, or that is damaged, counts as none.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pydantic
import yaml

from tenantry.declaration import loader
from tenantry.declaration.files import SUFFIX, FileReader, claims_of
from tenantry.declaration.mail import BUILT_IN, EmailTemplate
from tenantry.declaration.model import TenantDeclaration
from tenantry.declaration.tree import assets_of
from tenantry.problems import DeclarationErrors
from tenantry.settings import PlatformSettings

if TYPE_CHECKING:
    from typing_extensions import Buffer

FEWEST: Final = 100
"""Files from which on it is worth a file: fewer are read in 50 ms."""
SETTLED: Final = 2 * 10**9
"""Nanoseconds since a file's last change before its reading is kept: an edit within the same tick of the clock would not show, as in git's
index. Two seconds are the tick of the coarsest file system."""
MOST: Final = 20
"""Folders of which something is kept; the one that was not written for the longest time makes room."""

_MAGIC: Final = b"tenantry-declarations 1"
_NESTED: Final = {
    name: field.annotation
    for name, field in TenantDeclaration.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, pydantic.BaseModel)
}


Facts = tuple[str, int]
"""What a file is known by: its size, the times of change of content and inode, and the inode's number, the last two because they show what
the others can be made to hide (`touch -r`); and the later of the two times. Times in nanoseconds."""


class Row(NamedTuple):
    """One file as it was read, in the form of JSON."""

    slug: str
    facts: str
    """The first of ``Facts``."""
    tier: str
    defaults: str
    """Digest of the tier's defaults."""
    pictures: list[tuple[str, str]]
    claims: list[tuple[int, str]]
    stack: str
    size: int
    """Bytes of the body: the declaration as JSON, but for the built-in e-mails."""


class Later(NamedTuple):
    """A declaration that is made from its body when it is asked for."""

    row: Row
    source: bytes
    start: int

    @property
    def stack(self) -> str:
        """The stack that holds the tenant."""
        return self.row.stack

    @property
    def body(self) -> bytes:
        """See ``Row.size``."""
        return self.source[self.start : self.start + self.row.size]

    def made(self) -> TenantDeclaration:
        """The declaration; it was checked before it was kept."""
        values = json.loads(self.body)
        values["server"]["security_groups"] = tuple(values["server"]["security_groups"])
        values["sign_in"]["email_domains"] = tuple(values["sign_in"]["email_domains"])
        values |= {name: model.model_construct(**values[name]) for name, model in _NESTED.items()}
        own = {key: EmailTemplate.model_construct(**template) for key, template in values["email_templates"].items()}
        return TenantDeclaration.model_construct(**values | {"domains": tuple(values["domains"]), "email_templates": {**BUILT_IN, **own}})


def load(directory: Path, settings: PlatformSettings | None) -> loader.Declarations:
    """As ``loader.load``: of the files that are as they were, what an earlier process read of them."""
    file = place(directory)
    if file is None:
        return loader.load(directory, settings)
    with _no_garbage():
        reading = Reading(directory, file)
        try:
            found = loader.load(directory, settings, reading.read)
        except DeclarationErrors:
            reading.keep()  # of the files that are valid
            raise
        reading.keep()
        return found


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Looking for garbage among rows that all stay would be a third of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class Reading:
    """One reading of a folder: what is kept of it, and what has to be read. ``file``: where it is kept."""

    def __init__(self, directory: Path, file: Path) -> None:
        self._began = time.time_ns()
        self._directory, self._file = str(directory), file
        self._earlier = dict(_kept(file))
        self._now: dict[str, Later] = {}
        self._defaults: dict[str, str] = {}
        self._links: dict[str, bool] = {}

    def read(self, reader: FileReader, slug: str) -> TenantDeclaration | Later | None:
        """As ``FileReader.read``, which is asked where nothing is kept that still holds."""
        facts, known = _facts(f"{self._directory}/{slug}{SUFFIX}"), self._earlier.get(slug)
        if known is not None and facts is not None and known.row.facts == facts[0] and self._holds(known.row, reader):
            reader.claims[slug] = tuple((index, host) for index, host in known.row.claims) if known.row.claims else ()
            self._now[slug] = known
            return known
        before = len(reader.problems)
        tenant = reader.read(slug)
        if tenant is not None and facts is not None and len(reader.problems) == before:
            self._add(tenant, facts, reader)
        return tenant

    def keep(self) -> None:
        """Writes down what was read, where that is other than what was kept. Where nothing can be written, nothing is kept."""
        # A row whose file is gone or changed holds no more, and may stay until there is something new to write.
        if len(self._now) >= FEWEST and any(self._earlier.get(slug) is not now for slug, now in self._now.items()):
            with suppress(OSError):
                _write(self._file, self._now.values())

    def _holds(self, row: Row, reader: FileReader) -> bool:
        if (self._defaults.get(row.tier) or self._of_tier(row.tier, reader)) != row.defaults:
            return False
        return not row.pictures or all((found := self._picture(path)) is not None and found[0] == text for path, text in row.pictures)

    def _add(self, tenant: TenantDeclaration, facts: Facts, reader: FileReader) -> None:
        pictures = {path: self._picture(path) for path in assets_of(tenant)}
        known = {path: found for path, found in pictures.items() if found is not None}
        if len(known) < len(pictures) or max(facts[1], *(changed for _, changed in known.values()), 0) > self._began - SETTLED:
            return
        try:
            body = _body(tenant)
        except ValueError:  # a text that is no UTF-8 when it is written
            return
        found = [(path, text) for path, (text, _) in known.items()]
        defaults, claims = self._of_tier(tenant.tier, reader), list(claims_of(tenant))
        row = Row(tenant.slug, facts[0], tenant.tier, defaults, found, claims, tenant.stack, len(body))
        self._now[tenant.slug] = Later(row, body, 0)

    def _of_tier(self, name: str, reader: FileReader) -> str:
        """Digest of a tier, in the order of its lines, which the declarations' follows. Empty for one that is wrong or not there."""
        if name not in self._defaults:
            given = reader.tier(name) if name in reader.tiers else None
            self._defaults[name] = "" if given is None else hashlib.sha256(json.dumps(given).encode()).hexdigest()[:16]
        return self._defaults[name]

    def _picture(self, path: str) -> Facts | None:
        """Of a picture below ``assets/<folder>``; none where a link is on the way, which may lead elsewhere without a trace in the file."""
        root, folder, *inside, _ = path.split("/")
        above = f"{root}/{folder}"
        for name in inside:
            above = f"{above}/{name}"
            if above not in self._links:
                self._links[above] = Path(self._directory, above).is_symlink()
            if self._links[above]:
                return None
        return _facts(f"{self._directory}/{path}")


def _facts(path: str) -> Facts | None:
    """None for what is no regular file, a link among others."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    written, changed = found.st_mtime_ns, found.st_ctime_ns
    return f"{found.st_size} {written} {changed} {found.st_ino}", max(written, changed)


def _body(tenant: TenantDeclaration) -> bytes:
    values = tenant.model_dump(mode="json", exclude={"email_templates"})
    own = {key: template.model_dump() for key, template in tenant.email_templates.items() if template is not BUILT_IN.get(key)}
    return json.dumps(values | {"email_templates": own}, ensure_ascii=False, separators=(",", ":")).encode()


def place(directory: Path) -> Path | None:
    """The file where that folder's reading is kept, in the user's cache; None for a user without a home."""
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:32]
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (named if named.is_absolute() else Path.home() / ".cache") / "tenantry" / "declarations" / name
    except RuntimeError:
        return None


def _kept(file: Path) -> Iterator[tuple[str, Later]]:
    """What this code has written there. The seal is over all of it and the file's name: half a file is none."""
    source = _private(file)
    begin = source.find(b"\n") + 1
    if not begin or source[: begin - 1] != _head(file, memoryview(source)[begin:]):
        return
    start = source.find(b"\n", begin) + 1
    for row in map(Row._make, json.loads(source[begin:start])):
        yield row.slug, Later(row, source, start)
        start += row.size


def _write(file: Path, found: Collection[Later]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(file.parent.lstat(), stat.S_ISDIR):
        return
    index = json.dumps([each.row for each in found], separators=(",", ":")).encode()
    rest = b"".join((index, b"\n", *(each.body for each in found)))
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # which is 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(_head(file, rest) + b"\n" + rest)
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)
    for old in sorted(file.parent.iterdir(), key=lambda path: path.lstat().st_mtime_ns)[:-MOST]:
        old.unlink(missing_ok=True)


def _private(file: Path) -> bytes:
    """The content of a file that only this user can have written; empty for any other, and for none."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            trusted = _is_ours(os.fstat(stream.fileno()), stat.S_ISREG) and _is_ours(file.parent.lstat(), stat.S_ISDIR)
            return stream.read() if trusted else b""
    except OSError:
        return b""


def _is_ours(found: os.stat_result, kind: Callable[[int], bool]) -> bool:
    return kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _head(file: Path, rest: Buffer) -> bytes:
    seal = hashlib.sha256(file.name.encode())
    seal.update(rest)
    return b" ".join((_MAGIC, _code().encode(), seal.hexdigest().encode()))


@lru_cache(maxsize=1)
def _code() -> str:
    """Digest of everything that decides how a file is read: this package and what it stands on, Python, and the libraries' versions."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted((*package.parent.glob("*.py"), *package.glob("*"))):
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    for place in sorted({Path(str(library.__file__)).parents[1] for library in (pydantic, yaml)}):
        digest.update("\0".join(sorted(name for name in os.listdir(place) if name.endswith("-info"))).encode())  # noqa: PTH208
    return digest.hexdigest()
