"""Which secret an application's login has, whose password is in it, and since when. Passwords are in the secrets alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg

from tenantry.control.database import if_there, transaction

GRACE: Final = timedelta(days=1)
"""How long the former login's password holds when the secret has the other's: until then everybody has to have read the secret anew."""


@dataclass(frozen=True)
class Login:
    """One application's login; ``role`` is the first of the two that take turns."""

    role: str
    secret: str
    """The ARN."""
    username: str
    """Whose password is in it."""
    changed_at: datetime
    """Since when it has been that one, at the latest."""
    former_until: datetime | None
    """Until when the other one's password holds, too; None: it has none."""


def record(role: str, secret: str, username: str, *, renewed: bool) -> None:
    """Writes down what a login's secret says. One that is older than this was not made before its first tenant."""

    def write(connection: psycopg.Connection[dict[str, object]]) -> None:
        connection.execute(
            """
            INSERT INTO logins AS l (role, secret, username, changed_at)
            VALUES (%(role)s, %(secret)s, %(username)s, CASE WHEN %(renewed)s THEN now()
                    ELSE coalesce((SELECT min(created_at) FROM tenants WHERE app_role = %(role)s AND deleted_at IS NULL), now()) END)
            ON CONFLICT (role) DO UPDATE SET secret = EXCLUDED.secret, username = EXCLUDED.username,
                changed_at = CASE WHEN %(renewed)s THEN now() ELSE l.changed_at END,
                former_until = CASE WHEN l.username = EXCLUDED.username THEN l.former_until ELSE now() + %(grace)s END
            WHERE %(renewed)s OR (l.secret, l.username) IS DISTINCT FROM (EXCLUDED.secret, EXCLUDED.username)
            """,
            {"role": role, "secret": secret, "username": username, "renewed": renewed, "grace": GRACE},
        )

    if_there(write, None)


def rotated(role: str, secret: str, username: str) -> Login:
    """Writes down that the secret has the other login's password since now; the former one's holds for ``GRACE``."""
    with transaction() as connection:
        row = connection.execute(
            """
            INSERT INTO logins AS l (role, secret, username, changed_at, former_until)
            VALUES (%(role)s, %(secret)s, %(username)s, now(), now() + %(grace)s)
            ON CONFLICT (role) DO UPDATE SET secret = EXCLUDED.secret, username = EXCLUDED.username, changed_at = EXCLUDED.changed_at,
                former_until = EXCLUDED.former_until
            RETURNING *
            """,
            {"role": role, "secret": secret, "username": username, "grace": GRACE},
        ).fetchone()
        assert row is not None  # noqa: S101  # RETURNING after an upsert always has a row
        return Login(**row)


def former_ended(role: str, username: str) -> None:
    """Writes down that the former login's password is over, unless the secret has another's since."""
    with transaction() as connection:
        connection.execute("UPDATE logins SET former_until = NULL WHERE role = %s AND username = %s", [role, username])


def forget(role: str) -> None:
    """The login is gone, or has no secret any more."""
    if_there(lambda connection: connection.execute("DELETE FROM logins WHERE role = %s", [role]), None)


def find(role: str) -> Login | None:
    """What is written down of a login."""
    return if_there(lambda connection: _one(connection, role), None)


def every() -> dict[str, Login]:
    """All of them, by role."""
    with transaction() as connection:
        return {row["role"]: Login(**row) for row in connection.execute("SELECT * FROM logins ORDER BY role")}


def _one(connection: psycopg.Connection[dict[str, object]], role: str) -> Login | None:
    row = connection.execute("SELECT * FROM logins WHERE role = %s", [role]).fetchone()
    return Login(**row) if row else None  # type: ignore[arg-type]  # the columns are its fields
