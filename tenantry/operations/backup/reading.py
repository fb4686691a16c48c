"""Reads a backup: opens its manifest, checks its parts, and puts its data into a schema."""

from __future__ import annotations

import hashlib
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from psycopg import sql

from tenantry import naming
from tenantry.clients import archive, objects
from tenantry.clients.archive import Damaged, Sink
from tenantry.control import backup_keys, backup_manifest, backups
from tenantry.control.backup_manifest import Manifest, Part
from tenantry.errors import InputError
from tenantry.operations.backup import contents
from tenantry.postgres import checksums, extensions, loading, migrations, pgtools, revisions, tables
from tenantry.postgres.server import Server, acting_as
from tenantry.stores import disk
from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Stored:
    """A backup that can be read: its entry in the list, its manifest, and the key."""

    entry: backups.Entry
    manifest: Manifest
    identity: str

    @classmethod
    def open(cls, backup_id: str, tell: Callable[[str], None] = lambda line: None) -> Stored:
        """Reads the manifest. ``InputError`` when there is no such backup, it is damaged, or it is newer than this Tenantry.

        ``tell`` hears when the tenant's key had to be brought back from its second copy.
        """
        entry = backups.complete(backup_id)
        identity = backup_keys.identity(entry.tenant_id, tell)
        answer = objects.opened(entry.bucket, entry.key(backup_manifest.NAME))
        if answer["ContentLength"] > (entry.bytes or 0):  # of the whole backup: what is larger is not read into memory to find that out
            raise Damaged(f"the manifest of backup {backup_id} is not what was stored", "take another backup: tenantry backup list")
        body = answer["Body"].read()
        content = backup_manifest.opened(body, identity, backup_id=entry.id, tenant_id=entry.tenant_id, sha256=entry.manifest_sha256)
        if revisions.newer("tenant", content.revision):
            raise InputError(
                f"backup {backup_id} has tables of revision {content.revision}; this Tenantry knows up to {revisions.head('tenant')}",
                f"use Tenantry {content.tool} or newer",
            )
        return cls(entry, content, identity)

    @property
    def room(self) -> float:
        """Bytes that it needs on the server it is restored on, about."""
        return sum(part.plain_bytes for part in self.manifest.parts if part.kind in ("dump", "rows")) * disk.PER_BYTE_OF_ROWS

    def part(self, kind: str) -> Part:
        """The only part of a kind."""
        return next(part for part in self.manifest.parts if part.kind == kind)

    def feed(self, part: Part, sink: Sink, *, checked: bool = False) -> None:
        """Gives a part's bytes to ``sink``; ``Damaged`` when they are not what was stored: ``checked``, before the first is given."""
        key = self.entry.key(part.name)
        version = archive.version(self.entry.bucket, key, part.bytes, part.sha256) if checked else None
        archive.load(self.entry.bucket, key, self.identity, sink, (part.bytes, part.sha256, part.plain_bytes), version)

    def check(self, tell: Callable[[str], None] = lambda line: None) -> None:
        """Reads every part to its end. ``Damaged`` for the first that is not what was stored."""
        for part in self.manifest.parts:
            tell(f"{self.manifest.slug}: reading {part.name}")
            if part.kind == "objects":
                for _ in self.objects():
                    pass
            else:
                self.feed(part, lambda data: None)
        backups.mark(self.entry.id, verified_at=_now())

    def registry(self) -> dict[str, list[dict[str, Any]]]:
        """The tenant's rows of the control database."""
        text = bytearray()
        self.feed(self.part("registry"), text.extend)
        rows = contents.registry_from_text(bytes(text))
        if {table: len(some) for table, some in rows.items()} != self.manifest.registry:
            raise Damaged(f"backup {self.entry.id} has other rows of the registry than its manifest says", "take another backup")
        return rows

    def objects(self) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
        """Each object with a stream of its bytes, in the manifest's order; its checksum is checked when the next one is asked for."""
        expected = list(self.manifest.objects)
        with self._untarred() as archived:
            for wanted in expected:
                entry = archived.next()
                source = archived.extractfile(entry) if entry else None
                if entry is None or source is None or (entry.name, entry.size) != (wanted.key, wanted.size):
                    raise Damaged(f"backup {self.entry.id}: object {wanted.key} is missing", "take another backup")
                stream = _Hashed(source)
                yield entry, stream  # type: ignore[misc]  # as much of a stream as an upload asks for
                while stream.read(archive.CHUNK):
                    pass
                if stream.digest.hexdigest() != wanted.sha256:
                    raise Damaged(f"backup {self.entry.id}: object {wanted.key} is not what was stored", "take another backup")

    @contextmanager
    def _untarred(self) -> Iterator[tarfile.TarFile]:
        """A part is pushed, a tar is pulled: a pipe and a thread between them."""
        out, into = os.pipe()
        failure: list[BaseException] = []

        def push() -> None:
            with os.fdopen(into, "wb") as pipe:
                try:
                    self.feed(self.part("objects"), pipe.write)
                except BrokenPipeError:  # the reader has given up, and says why itself
                    return
                except BaseException as error:
                    failure.append(error)

        thread = threading.Thread(target=push, name="objects", daemon=True)
        thread.start()
        try:
            with os.fdopen(out, "rb") as pipe:
                try:
                    with tarfile.open(fileobj=pipe, mode="r|", tarinfo=_Entry) as archived:
                        yield archived
                    while pipe.read(archive.CHUNK):  # to the end, so that all of it is checked
                        pass
                except (tarfile.TarError, EOFError, RecursionError) as error:
                    pipe.close()  # first: it waits for someone to read on
                    thread.join()
                    raise (failure[0] if failure else Damaged(f"backup {self.entry.id}: {error}", "take another backup")) from None
        finally:
            thread.join()
        if failure:
            raise failure[0]


class _Entry(tarfile.TarInfo):
    """An entry of a tar that is read before its part's checksum is known: what would fill memory, and no tar of ours has, is refused.

    Those are headers larger than an object of S3 needs (a key has 1 KB, its metadata 2 KB), and the maps of sparse files.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """As ``TarInfo``'s; ``ReadError`` for what is refused."""
        found = super().frombuf(buf, encoding, errors)
        if found.type == tarfile.GNUTYPE_SPARSE or (not found.isreg() and found.size > _HEADER):
            raise tarfile.ReadError("an entry is of a kind, or has a header of a size, that is never saved")
        return found

    def _proc_gnusparse_10(self, *_: object) -> None:  # the one map that stands in an entry's data; tarfile has no public way to refuse it
        raise tarfile.ReadError("an entry is of a kind that is never saved")


_HEADER: Final = 1 << 16


class _Hashed:
    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.digest = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        return data


@dataclass(frozen=True)
class Target:
    """Where a backup's data is put: an existing database, in which ``schema`` does not exist yet."""

    server: Server
    database: str
    schema: str
    owner: str


def fill(stored: Stored, place: Target, server_version: int) -> None:
    """Makes the backup's tables and rows in ``place``, as its owner and at the backup's own revision.

    The schema is named as in the backup's own store when it holds a dump. Raises ``Damaged`` and ``WorkError``; what was made until
    then is the caller's to remove.
    """
    content = stored.manifest
    if content.model != "rls":
        command = [
            pgtools.program("pg_restore", server_version), "--format=custom", f"--dbname={place.database}", f"--role={place.owner}",
            # A materialised view is filled by a query on tables that row security is forced on again.
            "--no-owner", "--no-acl", "--exit-on-error", "--enable-row-security",
        ]  # fmt: skip
        environment = pgtools.environment(place.server, place.database, {"app.tenant_id": str(content.tenant_id)})
        if content.model == "schema":  # a schema's dump names the types of extensions and does not make them
            with place.server.connect(place.database) as connection, acting_as(connection, place.owner):
                extensions.ensure(connection, _extensions(stored))
        with _without_turnstiles(content, place), pgtools.writing(command, environment) as write:
            stored.feed(stored.part("dump"), write, checked=True)  # pg_restore does what it reads, and we are the administrator
        return
    with place.server.connect(place.database) as connection:
        make_tables(connection, place, content.revision)
        parts = {part.table: part for part in content.parts if part.kind == "rows" and part.table is not None}
        with acting_as(connection, place.owner), loading.emptied(connection, place.schema, list(parts)):
            for table, part in parts.items():
                target = sql.Identifier(place.schema, table)
                statement = sql.SQL("COPY {} ({}) FROM STDIN").format(target, sql.SQL(", ").join(map(sql.Identifier, part.columns)))
                with connection.cursor().copy(statement) as copy:
                    stored.feed(part, copy.write)


def _extensions(stored: Stored) -> dict[str, str]:
    """Those that the backup's tables may need, and in which schemas. A backup of before did not say it: then those of the tenant's cell
    now, or of the main one when the tenant is gone."""
    if stored.manifest.extensions is not None:
        return stored.manifest.extensions
    try:
        database = TenantStore.of(stored.entry.slug or stored.manifest.slug).database
    except InputError:
        database = naming.cell_database(naming.MAIN_CELL)
    with Server.from_environment().connect(database) as connection:
        return extensions.installed(connection)


@contextmanager
def _without_turnstiles(content: Manifest, place: Target) -> Iterator[None]:
    """While a tenant moves, its tables have triggers that call into a schema beside theirs: they are not brought back with the rows.

    pg_dump leaves no triggers out. A database's dump holds that schema, a schema's does not: then it stands ready.
    """
    names = [sql.Identifier(naming.turnstile_schema(content.slug, turn)) for turn in (0, 1)]
    if content.model == "schema":
        with place.server.connect(place.database) as connection, acting_as(connection, place.owner):
            for name in names:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
                connection.execute(
                    sql.SQL("CREATE FUNCTION {}.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'").format(name)
                )
    yield
    with place.server.connect(place.database) as connection, acting_as(connection, place.owner):
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.SQL(", ").join(names)))


def make_tables(connection: psycopg.Connection, place: Target, revision: str) -> None:
    """The standard tables in a new schema, at a revision. Nobody but their owner gets any right in them."""
    with acting_as(connection, place.owner):
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(place.schema)))
    connection.commit()
    # The owner stands in for the application's role, and gets back what that one is not given: a later migration needs it.
    migrations.apply(connection, "tenant", place.schema, owner=place.owner, app_role=place.owner, revision=revision)
    with acting_as(connection, place.owner):
        connection.execute(
            sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA {0} TO {1}; GRANT ALL ON ALL SEQUENCES IN SCHEMA {0} TO {1}").format(
                sql.Identifier(place.schema), sql.Identifier(place.owner)
            )
        )


def compare(stored: Stored, place: Target, tenant_id: UUID | None = None, *, scoped: bool = False) -> list[str]:
    """As sentences, what in ``place`` is not as the manifest says; none when every table has the same rows.

    ``tenant_id``: whose they are there, where it is not the tenant of the backup. ``scoped``: tables without a ``tenant_id`` do not count;
    their rows are the revisions'.
    """
    content = stored.manifest
    tenant_id = tenant_id or content.tenant_id
    with place.server.connect(place.database) as connection, acting_as(connection, place.owner):
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
        names = tables.names(connection, place.schema) if scoped else checksums.own_tables(connection, place.schema)
        if content.model == "rls":  # the others of a cell's tables were never part of it
            names = [name for name in names if name in content.tables]
        figures = checksums.figures(connection, place.schema, names, tenant_id, inherited=content.format < backup_manifest.OWN_ROWS)
        expected = {name: figure for name, figure in content.tables.items() if name in names or not scoped}
        return checksums.differences(expected, figures)


def _now() -> Any:
    return datetime.now(UTC)
