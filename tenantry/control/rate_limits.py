"""How often something may be tried: counted in PostgreSQL, for all processes of the service together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def taken(connection: psycopg.Connection[dict[str, Any]], subject: str, most: int, within: timedelta) -> float | None:
    """Counts one try of ``subject``. None: it is one of the ``most`` that are allowed ``within`` a time; else seconds to wait.

    Of many at once each is counted. The caller's transaction has to be one of its own: what fails afterwards was tried all the same.
    """
    row = connection.execute(
        """
        INSERT INTO rate_limits AS r (subject) VALUES (%(subject)s)
        ON CONFLICT (subject) DO UPDATE SET
            since = CASE WHEN r.since <= now() - %(within)s THEN now() ELSE r.since END,
            count = CASE WHEN r.since <= now() - %(within)s THEN 1 ELSE r.count + 1 END
        RETURNING count, extract(epoch FROM since + %(within)s - now())::float AS rest
        """,
        {"subject": subject, "within": within},
    ).fetchone()
    assert row is not None  # noqa: S101  # RETURNING after an upsert always has a row
    return max(1.0, row["rest"]) if row["count"] > most else None


def forget(connection: psycopg.Connection[dict[str, Any]], subject: str) -> None:
    """Lets a subject begin anew."""
    connection.execute("DELETE FROM rate_limits WHERE subject = %s", [subject])


def purge(connection: psycopg.Connection[dict[str, Any]], within: timedelta) -> int:
    """Forgets what was counted longer ago."""
    return connection.execute("DELETE FROM rate_limits WHERE since < now() - %s", [within]).rowcount
