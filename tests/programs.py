"""Programs that a test needs and a Python package cannot bring."""

from __future__ import annotations

import os
import shutil

import pytest


def find(*names: str, package: str) -> str:
    """The first of the programs that is there; ``package``: Debian's that has it. Without one the test is skipped, or fails where CI must
    not leave it out."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])  # where Debian has servers, and few users look
    for name in names:
        if found := shutil.which(name, path=folders):
            return found
    reason = f"none of {', '.join(names)} is on the PATH; on Debian: apt-get install {package}"
    if os.environ.get("CI") or os.environ.get("TENANTRY_CI_RUN"):
        pytest.fail(reason)
    pytest.skip(reason)
