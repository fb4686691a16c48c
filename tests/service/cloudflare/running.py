"""A Cloudflare API of a test's own, as the process that `local up` starts."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cloud import ports

ZONE = "0123456789abcdef0123456789abcdef"
DOMAIN = "tenantry.example"
TOKEN = "t" * 40


@contextmanager
def cloudflare(state: Path) -> Iterator[str]:
    """The address of a server whose records are in `state`; it is ended with SIGKILL, as a crash would."""
    port = ports.choose()
    command = [sys.executable, "-m", "local.cloud.cloudflare", "--port", str(port), "--state", str(state), "--zone", f"{ZONE}={DOMAIN}"]
    process = subprocess.Popen([*command, "--token", TOKEN])
    try:
        deadline = time.monotonic() + 30
        while not ports.answers(port):
            assert process.poll() is None, "the server ended at once"
            assert time.monotonic() < deadline, "the server did not answer"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
