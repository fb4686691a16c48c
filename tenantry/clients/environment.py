"""What a program that we start gets of our own environment: what any program needs to run, and none of our secrets."""

from __future__ import annotations

import os
from typing import Final

_NAMES: Final = frozenset({
    "DYLD_LIBRARY_PATH", "HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "OPENSSL_CONF", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "TEMP", "TMP", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
    "TENANTRY_CI_RUN",  # the mark by which .ci/run finds what it has to end
})  # fmt: skip
_BEGINNINGS: Final = ("GRPC_", "KRB5", "LC_", "PYTHON", "XDG_")


def plain() -> dict[str, str]:
    """The variables of this process that say where things are and how texts look.

    What a program needs beyond them (an address, its own key) it is given by name. For programs that are told nothing else: the engine,
    git and a task's process read the user's own settings, and get the whole environment.
    """
    return {name: value for name, value in os.environ.items() if name in _NAMES or name.startswith(_BEGINNINGS)}
