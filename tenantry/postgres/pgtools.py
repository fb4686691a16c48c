"""PostgreSQL's own programs (`psql`, `pg_dump`, `pg_restore`): which one to run, and in what environment."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final

from tenantry import waiting
from tenantry.clients import process as programs
from tenantry.clients.environment import plain
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.postgres.server import Server, session_options

FOLDER_VARIABLE: Final = "TENANTRY_PG_BIN"
CHUNK: Final = 1 << 20
_SAID: Final = (
    re.compile(r"^(?:\w+: error|ERROR|FATAL): .*", re.MULTILINE),
    re.compile(r"^\w+: (?:detail|error): Error message from server: .*", re.MULTILINE),
)
"""What is kept of a program's words. Not their details, context or command: these quote rows, and what is kept goes into logs."""
_PASSING: Final = (
    "due to lock timeout",
    "due to statement timeout",
    "deadlock detected",
    "server closed the connection",
    "terminating connection",
)
_F_SETPIPE_SZ: Final = 1031  # Linux; a larger pipe lets the program run ahead of us


@lru_cache(maxsize=16)
def program(name: str, at_least: int) -> str:
    """Path of the first `name` on PATH that is not older than the server's major version ``at_least``: an older pg_dump refuses it.

    ``InputError`` when there is none; TENANTRY_PG_BIN names a folder that is looked at first.
    """
    older: list[str] = []
    for folder in filter(None, [os.environ.get(FOLDER_VARIABLE, ""), *os.environ.get("PATH", "").split(os.pathsep)]):
        path = Path(folder) / name
        if not os.access(path, os.X_OK):
            continue
        said = programs.run([path, "--version"]).stdout.decode()
        version = re.search(r"\(PostgreSQL\) (\d+)", said)
        if version and int(version[1]) >= at_least:
            return str(path)
        older.append(version[1] if version else "?")
    found = f"; found only version {', '.join(older)}" if older else ""
    raise InputError(
        f"no {name} of PostgreSQL {at_least} or newer on PATH{found}",
        f"install PostgreSQL's client programs, or name their folder in {FOLDER_VARIABLE}",
    )


def environment(server: Server, database: str, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The plain environment with libpq's variables for one server, and none of the user's own (a PGDATESTYLE would change a dump).

    ``settings``: what the program's session shall have beside those of every session of ours.
    """
    return plain() | {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
        "PGSSLMODE": server.sslmode,
        "PGDATABASE": database,
        "PGAPPNAME": "tenantry",
        "PGCLIENTENCODING": "UTF8",
        "PGOPTIONS": session_options(settings),
        "LC_ALL": "C",  # their words are read by us
    }


@contextmanager
def reading(command: Sequence[str], environment: dict[str, str]) -> Iterator[Callable[[int], bytes]]:
    """Runs a program and gives a function that reads its output; ``WorkError`` with the error that it names when it fails."""
    with _started(command, environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as (process, stream, errors):
        yield lambda size: _read(stream, size, Path(command[0]).name)
        stream.close()
        _conclude(process, command, errors)


@contextmanager
def writing(command: Sequence[str], environment: dict[str, str]) -> Iterator[Callable[[Any], None]]:
    """Runs a program and gives a function that writes to its input; ``WorkError`` with the error that it names when it fails."""
    with _started(command, environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as (process, stream, errors):

        def told(work: Callable[[], object]) -> None:
            try:
                work()
            except BrokenPipeError:
                process.wait()
                _conclude(process, command, errors, early=True)

        yield lambda data: told(lambda: stream.write(data))
        told(stream.close)
        _conclude(process, command, errors)


@contextmanager
def _started(
    command: Sequence[str], environment: dict[str, str], *, stdin: int, stdout: int
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[str]]]:
    """The program at work, the one of its pipes that there is, and what it says of errors; it does not outlive the block."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=errors)
        stream = process.stdin or process.stdout
        assert stream is not None  # noqa: S101  # for the type checker
        _widen(stream)
        try:
            yield process, stream, errors
        finally:
            if process.poll() is None:
                process.kill()
            with suppress(BrokenPipeError):  # what was not written is wanted by nobody
                stream.close()
            process.wait()


def _read(stream: IO[bytes], size: int, program: str) -> bytes:
    with waiting.on(program):
        return os.read(stream.fileno(), size)


def _conclude(process: subprocess.Popen[bytes], command: Sequence[str], errors: IO[str], *, early: bool = False) -> None:
    with waiting.on(Path(command[0]).name):
        code = process.wait()
    if code == 0 and not early:
        return
    errors.seek(0)
    text = errors.read()
    # Ctrl-C, or a service's stop, reaches the programs beside the worker that finishes what is in hand.
    if process.returncode in (-signal.SIGINT, -signal.SIGTERM) or any(line.endswith("terminated by user") for line in text.splitlines()):
        raise TransientError(f"{Path(command[0]).name} was told to stop in the middle of it", "run the same command again")
    said = " / ".join(found[0] for line in _SAID if (found := line.search(text)))
    message = f"{Path(command[0]).name} failed: {said or f'exit code {process.returncode}'}"
    if any(words in said for words in _PASSING):
        raise TransientError(message, "it is tried again; look for a migration that is at work, and whether the server is up")
    raise WorkError(message)


def _widen(stream: IO[bytes]) -> None:
    if sys.platform == "linux":
        # Where the system's limit is lower the pipe keeps the size it has.
        try:
            fcntl.fcntl(stream.fileno(), _F_SETPIPE_SZ, CHUNK)
        except OSError:
            return
