"""What a plugin raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ProviderError(Exception):
    """The work failed for a reason that a person can read: one line what, one line what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)
        self.message = message
        self.hint = hint


class PartialFailure(ProviderError):
    """The resource exists but is not as asked for: the engine records ``outputs`` and the next run tries again."""

    def __init__(self, id: str, outputs: Mapping[str, Any], message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.id = id
        self.outputs = dict(outputs)
