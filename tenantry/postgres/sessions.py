"""A connection to PostgreSQL that says what it waits for."""

from __future__ import annotations

from typing import Any

import psycopg

from tenantry import waiting


class Session(psycopg.Connection[Any]):
    """``psycopg.Connection``; every statement passes its ``wait``."""

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """What psycopg waits with for the server's answer."""
        number = waiting.begin(self._described)
        try:
            return super().wait(*arguments, **options)
        finally:
            waiting.end(number)

    def _described(self) -> str:
        info = self.info
        return f"PostgreSQL at {info.host}:{info.port} (database {info.dbname})"
