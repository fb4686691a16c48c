"""What the local Cloudflare API knows, in one SQLite file."""

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local import private

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    zone TEXT NOT NULL,
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (zone, kind, id)
);
CREATE INDEX IF NOT EXISTS documents_name ON documents (zone, kind, name);
"""


def new_id() -> str:
    """An identifier in Cloudflare's form: 32 hex digits."""
    return secrets.token_hex(16)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Store:
    """Documents by zone and kind, kept over restarts; every change is one transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(private.opener(str(path), os.O_WRONLY | os.O_CREAT))  # SQLite gives its other files the mode of this one
        # The only thread is the event loop's, so a statement is never interleaved with another request's.
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:  # also a request that is cut off
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def put(self, zone: str, kind: str, name: str, body: Document) -> Document:
        """Write the document that `body["id"]` names, in place of the one before it."""
        self._db.execute(
            "INSERT INTO documents (zone, kind, id, name, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (zone, kind, id) DO UPDATE SET name = excluded.name, body = excluded.body",
            (zone, kind, body["id"], name, json.dumps(body)),
        )
        return body

    def get(self, zone: str, kind: str, identifier: str) -> Document | None:
        row = self._db.execute("SELECT body FROM documents WHERE zone = ? AND kind = ? AND id = ?", (zone, kind, identifier)).fetchone()
        return json.loads(row[0]) if row else None

    def require(self, zone: str, kind: str, identifier: str, missing: Exception) -> Document:
        """The document; raises ``missing`` where there is none."""
        found = self.get(zone, kind, identifier)
        if found is None:
            raise missing
        return found

    def named(self, zone: str, kind: str, name: str) -> list[Document]:
        rows = self._db.execute("SELECT body FROM documents WHERE zone = ? AND kind = ? AND name = ? ORDER BY seq", (zone, kind, name))
        return [json.loads(row[0]) for row in rows]

    def all(self, zone: str, kind: str) -> list[Document]:
        rows = self._db.execute("SELECT body FROM documents WHERE zone = ? AND kind = ? ORDER BY seq", (zone, kind))
        return [json.loads(row[0]) for row in rows]

    def remove(self, zone: str, kind: str, identifier: str) -> bool:
        return self._db.execute("DELETE FROM documents WHERE zone = ? AND kind = ? AND id = ?", (zone, kind, identifier)).rowcount > 0

    def close(self) -> None:
        self._db.close()
