"""Free ports on 127.0.0.1, taken from below the range that the system hands out for outgoing connections."""

from __future__ import annotations

import random
import socket

from tenantry.errors import WorkError

HOST = "127.0.0.1"
_RANGE = range(20000, 32000)


def free(port: int) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        # Servers set it too: without it the port of one that has just ended counts as taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose(preferred: int | None = None, taken: frozenset[int] = frozenset()) -> int:
    """``preferred`` where it is free, else a free port that is not among ``taken``."""
    if preferred and preferred not in taken and free(preferred):
        return preferred
    for port in random.sample(_RANGE, 200):
        if port not in taken and free(port):
            return port
    raise WorkError(f"no free port between {_RANGE.start} and {_RANGE.stop}", "end some servers on this machine")


def answers(port: int) -> bool:
    """Whether something accepts connections on ``port``."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
