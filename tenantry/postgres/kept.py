"""Connections that this process keeps open between two uses: to open one takes ten times as long as most of what is asked on it.

Each use gets what a new connection would be: whatever the one before has set is undone when it ends, and the object that it had is of no
use any more. Why this is no psycopg_pool: docs/adr/0032-kept-connections.md.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from tenantry import waiting
from tenantry.postgres.sessions import Session

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

AT_MOST: Final = 4
"""How many of one address, database and account are kept; those that more threads need at once are closed after their use."""
IDLE: Final = 60.0
"""Seconds without a use after which one is closed, as soon as this process uses any."""
AGE: Final = 1800.0
"""Seconds after which one is not kept any more: its server process remembers all that it has ever looked at."""


@dataclass(frozen=True)
class _Kept:
    pgconn: PGconn
    born: float
    since: float


_lock = threading.Lock()
_idle: dict[Hashable, list[_Kept]] = {}
_over = False


@contextmanager
def connection(
    key: Hashable, connect: Callable[[], psycopg.Connection[Any]], cursors: type[psycopg.Cursor[Any]] | None = None
) -> Iterator[psycopg.Connection[Any]]:
    """A connection for the block, committed at its end, rolled back on an error: a kept one of ``key``, else what ``connect`` opens.

    ``key`` has everything that a connection depends on. One that has died is replaced before the block gets it; nothing is done twice.
    """
    found, born = _take(key, cursors) or (connect(), time.monotonic())
    process = os.getpid()
    try:
        yield found
    except BaseException:
        if os.getpid() == process:
            with suppress(Exception):  # the block's error is the one to tell
                found.rollback()
            _give(key, found, born)
        raise
    if os.getpid() != process:  # forked amid the block: the connection is the parent's
        return
    try:
        if not found.closed:
            found.commit()
    finally:
        _give(key, found, born)


def close_all() -> None:
    """Closes what is kept; what is in use now is closed after its use."""
    global _over  # one per process, as its end is
    with _lock:
        _over = True
        kept = [one for several in _idle.values() for one in several]
        _idle.clear()
    for one in kept:
        one.pgconn.finish()


def _take(key: Hashable, cursors: type[psycopg.Cursor[Any]] | None) -> tuple[Session, float] | None:
    while True:
        now = time.monotonic()
        with _lock:
            old = _old(now)
            several = _idle.get(key)
            one = several.pop() if several else None
        for another in old:
            another.pgconn.finish()
        if one is None:
            return None
        session = Session(one.pgconn)
        if cursors is not None:
            session.cursor_factory = cursors
        # Also what `Server.connect` sets in a new one: DISCARD ALL has undone it.
        if _done(session, b"SET transaction_timeout = 0" if one.pgconn.server_version >= 170_000 else b"SET lock_timeout TO DEFAULT"):
            return session, one.born
        session.close()


def _old(now: float) -> list[_Kept]:
    """Takes out those that nobody has used for too long."""
    old = [one for several in _idle.values() for one in several if now - one.since > IDLE]
    if old:
        for key in list(_idle):
            _idle[key] = [one for one in _idle[key] if now - one.since <= IDLE]
            if not _idle[key]:
                del _idle[key]
    return old


def _give(key: Hashable, session: psycopg.Connection[Any], born: float) -> None:
    now = time.monotonic()
    if not session.closed and now - born < AGE and _done(session, b"DISCARD ALL"):
        with _lock:
            keep = not _over and len(_idle.get(key, ())) < AT_MOST
            if keep:
                _idle.setdefault(key, []).append(_Kept(session.pgconn, born, now))
                del session.pgconn  # whoever has the object still cannot use it
        if keep:
            return
    session.close()


def _done(session: psycopg.Connection[Any], statement: bytes) -> bool:
    """Whether the server has done it, outside of a transaction. Nothing of psycopg's own remembers the statement."""
    pgconn = session.pgconn
    if pgconn.transaction_status != TransactionStatus.IDLE:
        return False
    with waiting.on(lambda: f"PostgreSQL at {session.info.host}:{session.info.port} (database {session.info.dbname})"):
        try:
            result = pgconn.exec_(statement)
        except (psycopg.Error, MemoryError):  # the latter where libpq has no answer to give at all
            return False
    return result.status == ExecStatus.COMMAND_OK and pgconn.transaction_status == TransactionStatus.IDLE


def _forget() -> None:
    """In a process that was forked: what was kept is its parent's. Not a byte is sent: libpq would end the parent's sessions."""
    global _lock  # it may have been held
    _lock = threading.Lock()
    for several in _idle.values():
        for one in several:
            with suppress(OSError):
                os.close(one.pgconn.socket)
    _idle.clear()  # psycopg closes no connection of another process


os.register_at_fork(before=lambda: _lock.acquire(), after_in_parent=lambda: _lock.release(), after_in_child=_forget)
atexit.register(close_all)
