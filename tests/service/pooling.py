"""A PgBouncer in transaction mode in front of the cloud's PostgreSQL."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests import programs


@contextmanager
def running(environment: Mapping[str, str], users: Mapping[str, str], *settings: str) -> Iterator[tuple[str, int]]:
    """``users``: those of its file, with their passwords; ``settings``: lines of its configuration. Host and port."""
    program = programs.find("pgbouncer", package="pgbouncer")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(tempfile.mkdtemp(prefix="tenantry-pooler-"))
    root.chmod(0o755)
    (root / "users").write_text("".join(f'"{role}" "{password}"\n' for role, password in users.items()))
    lines = (
        "[databases]",
        f"* = host={environment['PGHOST']} port={environment['PGPORT']}",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        f"auth_file = {root / 'users'}",
        "pool_mode = transaction",
        "max_client_conn = 500",
        "unix_socket_dir =",
        *settings,
    )
    (root / "config").write_text("\n".join(lines) + "\n")
    as_user = ["-u", "nobody"] if Path("/proc/self").stat().st_uid == 0 else []
    with (root / "log").open("w") as log:
        process = subprocess.Popen([program, *as_user, str(root / "config")], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (root / "log").read_text()
                assert time.monotonic() < end, (root / "log").read_text()
                time.sleep(0.05)
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(root)
