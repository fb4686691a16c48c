"""A Cloudflare API of a test's own, as the process that `local up` starts."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager
from pathlib import Path

from tests.service.serving import served

ZONE = "0123456789abcdef0123456789abcdef"
DOMAIN = "tenantry.example"
TOKEN = "t" * 40


def cloudflare(state: Path) -> AbstractContextManager[str]:
    """The address of a server whose records are in `state`; it is ended with SIGKILL, as a crash would."""
    return served("local.cloud.cloudflare", state, "--zone", f"{ZONE}={DOMAIN}", "--token", TOKEN, end=signal.SIGKILL)
