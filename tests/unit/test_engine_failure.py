"""What a failed run of the engine says, and what is tried after it."""

from __future__ import annotations

import pytest

from tenantry.engine.failure import explained, is_of_something_gone
from tenantry.errors import TransientError


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        ('failed to make http request: DELETE "https://api.cloudflare.com/client/v4/zones/z/custom_hostnames/i": 404 Not Found {}', True),
        ('could not delete role t_acme__app: pq: role "t_acme__app" does not exist', True),
        ('Error dropping database: pq: database "t_acme" does not exist', True),
        ("the Cloudflare API cannot be reached", False),
        ("custom host name x.example: Cloudflare refused it: Invalid zone (4040)", False),
    ],
)
def test_what_failed_because_it_is_gone_is_told_from_the_rest(message: str, gone: bool) -> None:
    """A removal whose answer was lost is over after a refresh; nothing else is helped by one."""
    assert is_of_something_gone(explained("acme", [("acme-domain", message)], "")) is gone


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("error creating database cell_far: the connection is closed", True),
        ("error creating role t_acme: the connection is lost", True),
        ("could not read role t_acme: driver: bad connection", True),
        ("error creating schema t_acme: write tcp 127.0.0.1:5432: use of closed network connection", True),
        ("error connecting to PostgreSQL server 127.0.0.1:5432 (postgres, as deployer): the database system is starting up", True),
        ("error creating database t_acme: FATAL: terminating connection due to administrator command", True),
        ("error creating database t_acme: permission denied to create database", False),
        ("custom host name lost.closed.example: already used by another zone", False),
    ],
)
def test_a_server_that_went_away_passes_and_a_refusal_does_not(message: str, passes: bool) -> None:
    """A run is tried again by itself for the one, and ends with the other."""
    assert isinstance(explained("acme", [("acme", message)], ""), TransientError) is passes


DEADLOCK = """Program failed with an unhandled exception:
Traceback (most recent call last):
  File "stacks/shared.py", line 40, in main
    begin(connection, claims)
  File "psycopg/connection.py", line 117, in execute
    raise ex.with_traceback(None)
          ^^^^^^^^^^^^^^^^^^^^^^^
psycopg.errors.DeadlockDetected: deadlock detected
DETAIL:  Process 71 waits for ShareLock on transaction 8; blocked by process 72.
HINT:  See server log for query details.
CONTEXT:  while inserting index tuple (0,7) in relation "claims"
"""


def test_a_program_s_error_of_several_lines_is_read_whole() -> None:
    """Not its last line alone: that says nothing, and a deadlock, which passes, would not be tried again."""
    error = explained("shared", [("", DEADLOCK)], "")
    assert isinstance(error, TransientError)
    assert error.message.startswith("stack shared: psycopg.errors.DeadlockDetected: deadlock detected DETAIL: Process 71")
    assert error.message.endswith('relation "claims"')


def test_a_program_s_error_of_one_line_is_that_line() -> None:
    text = "Program failed with an unhandled exception:\nTraceback (most recent call last):\n"
    text += "  File \"a.py\", line 1, in b\n    c()\nKeyError: 'd'\n"
    assert explained("shared", [("", text)], "").message == "stack shared: KeyError: 'd'"
