"""Which of PostgreSQL's errors are worth another attempt."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from tenantry.errors import TransientError, WorkError
from tenantry.postgres.server import passes
from tenantry.sweep import explained

PASSING = (
    TransientError("a server restarts"),
    psycopg.OperationalError("server closed the connection unexpectedly"),
    psycopg.InterfaceError("the connection is closed"),
    errors.ConnectionFailure("gone"),
    errors.LockNotAvailable("canceling statement due to lock timeout"),
    errors.DeadlockDetected("deadlock detected"),
    errors.SerializationFailure("could not serialize access"),
    errors.AdminShutdown("terminating connection due to administrator command"),
    errors.TooManyConnections("sorry, too many clients already"),
)
LASTING = (
    WorkError("broken"),
    ValueError("broken"),
    errors.DiskFull("could not extend file: No space left on device"),
    errors.IoError("could not read block"),
    errors.QueryCanceled("canceling statement due to user request"),
    errors.UniqueViolation("duplicate key"),
)


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_passes_by_itself_is_tried_again(error: Exception) -> None:
    """Whoever tries anything again asks here: steps of runs, tasks, roll-outs."""
    assert passes(error)


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_what_stays_as_it_is_is_not(error: Exception) -> None:
    """Neither is it said that it will be."""
    assert not passes(error)
    assert "tried again" not in explained(error)[1]
