"""What the ledger knows of each stack's runs: which state is the stack's, and since when it is known what became of its tenants.

A run's times are taken from the clock of the machine that ran it: they are compared with those of the engine's state and history.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from tenantry.backend import state_files
from tenantry.backend.stack_state import State
from tenantry.postgres import locks
from tenantry.program import Program
from tenantry.settings import project_root

TOKEN: Final = "TENANTRY_RUN"  # noqa: S105  # a variable's name
"""The variable by which who starts an engine finds the run that its program began."""


@dataclass(frozen=True)
class StackRun:
    """A stack's last run, and the state that is the stack's. Of a stack that never had a run, nothing."""

    lineage: str | None = None
    made: bool = False
    """Whether a program of the stack ever reached its end: since then there is a state."""
    borne: bool = False
    """Whether a state was seen that bears the lineage."""
    adopting: bool = False
    began_at: datetime | None = None
    passwords: Mapping[str, datetime] = field(default_factory=dict)
    """The resources whose password only the state holds, and when each was last changed, as it was seen last."""
    settled_at: datetime | None = None
    """What is written of the tenants holds for the state that was saved then; None: what the last run came to is not known."""
    finished: bool = False
    """Whether the last run left nothing to adopt."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """Where the state was seen last: ``backend``, ``host``, ``folder``."""
    known: bool = False
    """Whether the stack ever had a run."""
    program: str | None = None
    """The program of which a whole run has carried out everything since; None: not known."""

    @classmethod
    def of(cls, row: Mapping[str, Any] | None) -> StackRun:
        """From the table's row as JSON: all but two of its columns are younger than the table."""
        if row is None:
            return cls()

        def moment(name: str) -> datetime | None:
            return datetime.fromisoformat(row[name]) if row.get(name) else None

        return cls(
            row.get("lineage"),
            bool(row.get("made")),
            bool(row.get("borne")),
            bool(row.get("adopting")),
            moment("began_at"),
            {name: datetime.fromisoformat(at) for name, at in (row.get("passwords") or {}).items()},
            moment("settled_at"),
            row["finished_at"] is not None,
            row.get("seen") or {},
            True,
            row.get("applied"),
        )


def rows(connection: psycopg.Connection, stack: str | None = None) -> dict[str, dict[str, Any]]:
    """The rows of the stacks' last runs, or of one, by stack. As JSON: all of the columns but three are younger than the table."""
    return dict(
        connection.execute(
            "SELECT stack, to_jsonb(r) FROM tenantry_ledger.runs r WHERE %(stack)s::text IS NULL OR stack = %(stack)s", {"stack": stack}
        ).fetchall()
    )


def here() -> dict[str, str]:
    """Where this process looks for states, in words that name no secret."""
    url = urlsplit(state_files.location())
    return {
        "backend": url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl(),
        "host": socket.gethostname(),
        "folder": str(project_root()),
    }


def adopt(connection: psycopg.Connection, stack: str, state: State) -> None:
    """Makes ``state``, an empty one as well, the stack's: the next run looks for everything that it does not know."""
    connection.execute(
        """
        INSERT INTO tenantry_ledger.runs (stack, lineage, borne, adopting) VALUES (%(stack)s, %(lineage)s, %(borne)s, true)
        ON CONFLICT (stack) DO UPDATE SET lineage = EXCLUDED.lineage, borne = EXCLUDED.borne, adopting = true, made = false,
            finished_at = NULL, settled_at = NULL, passwords = NULL
        """,
        {"stack": stack, "lineage": UUID(state.lineage) if state.lineage else None, "borne": state.lineage is not None},
    )
    doubt(connection, stack)


def at_work(connection: psycopg.Connection, stack: str, began_at: datetime | None) -> bool:
    """Whether the last run is still the one that began then. To the end of the caller's transaction no other begins."""
    locks.turn(connection, "ledger")
    row = connection.execute("SELECT began_at FROM tenantry_ledger.runs WHERE stack = %s", [stack]).fetchone()
    return row is not None and row[0] == began_at


def begun_by(connection: psycopg.Connection, stack: str, token: str) -> datetime | None:
    """When the last run began, if it is the one that was started with ``token``."""
    row = connection.execute("SELECT began_at FROM tenantry_ledger.runs WHERE stack = %s AND seen->>'run' = %s", [stack, token]).fetchone()
    return row[0] if row else None


def begin(connection: psycopg.Connection, stack: str, run: StackRun, state: State) -> str:
    """Writes down that a program of the stack has passed the gate with ``state``; the stack's lineage."""
    lineage = run.lineage or str(uuid4())
    connection.execute(
        """
        INSERT INTO tenantry_ledger.runs AS r (stack, lineage, borne, began_at, passwords, seen, applying)
        VALUES (%(stack)s, %(lineage)s, %(borne)s, %(now)s, %(passwords)s, %(seen)s, %(program)s)
        ON CONFLICT (stack) DO UPDATE SET started_at = now(), finished_at = NULL, lineage = EXCLUDED.lineage,
            borne = EXCLUDED.borne, began_at = EXCLUDED.began_at, passwords = EXCLUDED.passwords, settled_at = NULL, seen = EXCLUDED.seen,
            made = r.made AND r.lineage IS NOT DISTINCT FROM EXCLUDED.lineage, applying = EXCLUDED.applying,
            applied = CASE WHEN r.applied = EXCLUDED.applying THEN r.applied END
        """,
        {
            "program": str(Program.here()),
            "stack": stack,
            "lineage": UUID(lineage),
            "borne": state.lineage == lineage,
            "now": datetime.now(UTC),
            "passwords": _passwords(state),
            "seen": Jsonb({**here(), "run": os.environ.get(TOKEN, "")}),
        },
    )
    return lineage


def reach_end(connection: psycopg.Connection, stack: str) -> None:
    """Writes down that the program has reached its end: whatever it was to make is made, and in the state."""
    connection.execute("UPDATE tenantry_ledger.runs SET finished_at = now(), made = true WHERE stack = %s", [stack])


def settle(connection: psycopg.Connection, stack: str, state: State, *, whole: bool) -> None:
    """Writes down that what became of the tenants is known up to ``state``: ``whole``, all is as the last program declared it;
    else what ``keep`` and ``doubt`` have written."""
    if whole:
        connection.execute("UPDATE tenantry_ledger.tenants SET applied = applying, unchanged = NULL WHERE stack = %s", [stack])
        connection.execute(
            "UPDATE tenantry_ledger.runs SET finished_at = coalesce(finished_at, now()), made = true, adopting = false,"
            " applied = applying WHERE stack = %s",
            [stack],
        )
    connection.execute(
        "UPDATE tenantry_ledger.runs SET settled_at = %(at)s, passwords = %(passwords)s, borne = borne OR lineage::text = %(lineage)s"
        " WHERE stack = %(stack)s",
        {"at": state.saved_at, "passwords": _passwords(state), "lineage": state.lineage, "stack": stack},
    )


def keep(connection: psycopg.Connection, stack: str) -> None:
    """Writes down that the last run, which left something out, took nothing back of the tenants whose files had not changed."""
    connection.execute("UPDATE tenantry_ledger.tenants SET applied = unchanged WHERE stack = %s AND unchanged = applying", [stack])


def doubt(connection: psycopg.Connection, stack: str) -> None:
    """Writes down that of no tenant of the stack it is known whether it is as declared."""
    connection.execute("UPDATE tenantry_ledger.tenants SET applied = NULL, unchanged = NULL WHERE stack = %s", [stack])


def applied(connection: psycopg.Connection, stack: str) -> dict[str, str | None]:
    """Slug → fingerprint of what was applied, for the stack's tenants that the ledger knows."""
    rows = connection.execute("SELECT slug, to_jsonb(t)->>'applied' FROM tenantry_ledger.tenants t WHERE stack = %s", [stack])
    return dict(rows.fetchall())


def _passwords(state: State) -> Jsonb:
    return Jsonb({name: changed.isoformat() for name, changed in state.passwords().items()})
