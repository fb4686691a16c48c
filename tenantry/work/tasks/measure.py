"""Counts what a process asks PostgreSQL: statements, rows, and the time that it waits for the answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from tenantry.postgres import server


@dataclass
class Tally:
    """One process's figures. A connection's opening and its COMMIT are not in them, nor is what a child program (pg_dump) asks."""

    statements: int = 0
    rows: int = 0
    seconds: float = 0.0

    @contextmanager
    def timed(self, cursor: psycopg.Cursor[Any]) -> Iterator[None]:
        """Adds what is done inside; failed statements take time too."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started
            self.statements += 1
            self.rows += max(cursor.rowcount, 0)


def begin(tally: Tally) -> None:
    """Every connection that ``tenantry.clients`` opens in this process from now on is counted."""

    class Counted(psycopg.Cursor[Any]):
        def execute(self, *arguments: Any, **more: Any) -> Counted:
            with tally.timed(self):
                super().execute(*arguments, **more)
            return self

        def executemany(self, *arguments: Any, **more: Any) -> None:
            with tally.timed(self):
                super().executemany(*arguments, **more)

        @contextmanager
        def copy(self, *arguments: Any, **more: Any) -> Iterator[psycopg.Copy]:
            with tally.timed(self), super().copy(*arguments, **more) as copy:
                yield copy

    server.set_cursor_factory(Counted)
