"""Proves that a backup can be restored: by restoring it into a scratch database, which is dropped afterwards."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from tenantry import naming
from tenantry.control import backups
from tenantry.errors import WorkError
from tenantry.operations.backup import reading
from tenantry.operations.backup.reading import Stored, Target
from tenantry.postgres import login_limits
from tenantry.postgres.server import Server, may_act_as, passes
from tenantry.stores import disk
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import over


@dataclass(frozen=True)
class Proof:
    """What a restore into scratch found. ``problems`` is empty when every table, row and object is as the manifest says."""

    backup_id: str
    ok: bool
    problems: tuple[str, ...]
    rows: int
    objects: int
    seconds: float


@dataclass(frozen=True)
class Verification:
    """A backup of which every part is what was stored. ``proof``: what a restore into scratch found, where that was wanted."""

    backup_id: str
    parts: int
    proof: Proof | None


def verify(backup_id: str, *, restore: bool = False, tell: Callable[[str], None] = lambda line: None) -> Verification:
    """Reads every part and compares it with the signed manifest; with ``restore`` the backup is proved as well.

    ``InputError`` for a backup that is unknown, damaged or newer than we are; ``WorkError`` where it does not restore to what was saved.
    """
    stored = Stored.open(backup_id, tell)
    stored.check(tell)
    proof = prove(backup_id, tell) if restore else None
    if proof is not None:
        require(proof)
    return Verification(backup_id, len(stored.manifest.parts), proof)


def prove(backup_id: str, tell: Callable[[str], None] = lambda line: None) -> Proof:
    """Restores the backup into a scratch database on the tenant's server, compares it with its manifest, and drops it.

    ``InputError`` for a backup that is unknown, damaged or newer than we are, or has no room there; a difference is no exception but a
    ``Proof`` that is not ok.
    """
    started = time.monotonic()
    stored = Stored.open(backup_id, tell)
    content = stored.manifest
    store = TenantStore.of(stored.entry.slug or content.slug)
    disk.require(stored.room, store.slug, store.server)
    with scratch(store) as place:
        target = Target(place.server, place.database, content.schema_name, place.owner)
        tell(f"{content.slug}: restoring {content.rows} rows into scratch")
        problems = _compared(stored, target)
        tell(f"{content.slug}: reading {len(content.objects)} objects")
        for _ in stored.objects():
            pass
        stored.registry()
    if not problems:
        now = reading._now()
        backups.mark(backup_id, proved_at=now, verified_at=now)
    return Proof(backup_id, not problems, tuple(problems), content.rows, len(content.objects), time.monotonic() - started)


def _compared(stored: Stored, target: Target) -> list[str]:
    """What differs after a restore into ``target``; what its tables refuse is a difference, too, and not the control database's fault."""
    try:
        reading.fill(stored, target, major(target.server))
        return reading.compare(stored, target)
    except psycopg.Error as error:
        if passes(error):
            raise
        return [f"its tables refuse it: {error.diag.message_primary or error}"]


@contextmanager
def scratch(store: TenantStore, name: str | None = None) -> Iterator[Target]:
    """An empty database on the tenant's own server that only its owner's members may enter; dropped at the end, come what may.

    Without a ``name`` it has one that tells its age. Who gives one finds by it what a killed attempt left.
    """
    with scratch_on(store.administrator(), store.owner, name) as target:
        yield target


@contextmanager
def scratch_on(server: Server, owner: str, name: str | None = None) -> Iterator[Target]:
    """As ``scratch``, on any server and owned by any role."""
    token = f"{datetime.now(UTC):%Y%m%dt%H%M%S}_{secrets.token_hex(3)}"
    name = name or naming.scratch_database(token)
    make_database(server, name, owner)
    try:
        yield Target(server, name, "", owner)
    finally:
        drop_database(server, name)


def make_database(server: Server, name: str, owner: str) -> None:
    """An empty database; one that a killed attempt left is dropped first."""
    drop_database(server, name)
    with server.connect() as connection:
        may_act_as(connection, owner)
        connection.autocommit = True
        # template0: nothing that someone added to template1 can meet what the dump brings.
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(sql.Identifier(name), sql.Identifier(owner)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    with server.connect(name) as connection:
        login_limits.shut_large_objects(connection)


def drop_database(server: Server, name: str) -> None:
    """Drops a database, ending its sessions; none of that name is all right."""
    with server.connect() as connection:
        connection.autocommit = True
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def sweep(server: Server) -> list[str]:
    """Drops the scratch databases that a killed proof left a day ago or more; their names."""
    prefix = naming.scratch_database("")
    with server.connect() as connection:
        names = [
            name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]).fetchall()
        ]
    oldest = f"{prefix}{datetime.now(UTC) - timedelta(days=1):%Y%m%dt%H%M%S}"
    left = [name for name in names if name < oldest]
    # What is still in someone's hands is the next sweep's; the proof that is about to begin does not wait for it.
    return [name for name, _ in over(left, lambda name: drop_database(server, name)).done]


def major(server: Server) -> int:
    """The server's major version."""
    with server.connect() as connection:
        return connection.info.server_version // 10000


def require(proof: Proof) -> None:
    """``WorkError`` for a proof that is not ok."""
    if not proof.ok:
        raise WorkError(
            f"backup {proof.backup_id} does not restore to what was saved: {'; '.join(proof.problems[:3])}", "take another backup at once"
        )
