"""Bounded retries of transient faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

P = ParamSpec("P")
T = TypeVar("T")


def retrying(transient: Callable[[BaseException], bool], call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call until it works, at most six times within 30 seconds, while ``transient(error)`` holds; then raises the last error."""
    attempts = Retrying(
        retry=retry_if_exception(transient),
        stop=stop_after_attempt(6) | stop_after_delay(30),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        reraise=True,
    )
    return attempts(call, *args, **kwargs)
