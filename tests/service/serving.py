"""A stand-in's server of a test's own, as the process that `local up` starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cloud import ports


@contextmanager
def served(module: str, state: Path, *options: str, end: signal.Signals, **environment: str) -> Iterator[str]:
    """The address of the server whose state is in ``state``; it is ended with the signal ``end``."""
    port = ports.choose()
    command = [sys.executable, "-m", module, "--port", str(port), "--state", str(state), *options]
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        deadline = time.monotonic() + 60
        while not ports.answers(port):
            assert process.poll() is None, "the server ended at once"
            assert time.monotonic() < deadline, "the server did not answer"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(end)
        process.wait()
