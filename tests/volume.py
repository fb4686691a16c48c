"""How much a test does: a little in ``make test``, all of it in ``make test-volume``. The assertions are the same."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("TENANTRY_TEST_VOLUME") == "full"
"""``make test-volume`` sets it, and runs the tests that are marked ``volume``."""


def volume(quick: T, full: T) -> T:
    """``quick`` in `make test`, ``full`` in `make test-volume`. A test that asks has the mark ``volume``."""
    return full if FULL else quick
