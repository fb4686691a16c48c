"""What this process waits for: whoever waits says so, and after a while of silence a line tells it to whoever watches."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread, get_ident
from typing import Final

SILENCE: Final = 15.0
"""Seconds without a word after which a line says what is waited for, and after each of which it does so again."""
AT_ONCE: Final = 3
"""How many threads' waits a line names."""

What = str | Callable[[], str]

_lock = Lock()
_numbers = itertools.count()
_open: dict[int, tuple[int, What, float]] = {}
_heard = time.monotonic()
_least = 0.0


def begin(what: What) -> int:
    """Something is waited for from now on, within what this thread waits for already; the number for ``end``.

    ``what`` is a noun with an article or a name (``AWS (s3 PutObject)``), or gives it when it is asked; an empty one is not told.
    """
    with _lock:
        number = next(_numbers)
        _open[number] = (get_ident(), what, time.monotonic())
    return number


def end(number: int | None) -> None:
    """It has come, or nobody waits for it any more."""
    with _lock:
        _open.pop(number, None)  # type: ignore[arg-type]  # None is nobody's number


@contextmanager
def on(what: What) -> Iterator[None]:
    """The block waits for it."""
    number = begin(what)
    try:
        yield
    finally:
        end(number)


def heard() -> None:
    """Something was said: the silence begins anew."""
    global _heard  # one per process, as its console is
    _heard = time.monotonic()


def silence_is_normal() -> None:
    """For a process that says nothing while nobody wants anything of it: only what has lasted for ``SILENCE`` is told from now on."""
    global _least  # one per process
    _least = SILENCE


def told() -> str:
    """What is waited for now, longest first, as one line; empty when nothing is."""
    with _lock:
        threads: dict[int, list[tuple[What, float]]] = {}
        for thread, what, since in _open.values():
            threads.setdefault(thread, []).append((what, since))
    found: dict[str, float] = {}
    for stack in threads.values():
        words = [text for what, _ in stack if (text := what() if callable(what) else what)]
        if words:
            found.setdefault(": ".join(dict.fromkeys(words)), stack[-1][1])
    now = time.monotonic()
    lines = sorted(((now - since, text) for text, since in found.items() if now - since >= _least), reverse=True)
    more = f", and {len(lines) - AT_ONCE} more" if len(lines) > AT_ONCE else ""
    return "; ".join(f"{text} ({seconds:.0f} s)" for seconds, text in lines[:AT_ONCE]) + more


def watch(say: Callable[[str], None], silence: float = SILENCE) -> None:
    """From now on, for as long as the process lives: ``say`` gets a line after each ``silence`` seconds in which nothing was heard."""

    heard()  # in a process that was forked, the last word may be its parent's, long ago

    def look() -> None:
        while True:
            time.sleep(max(0.05, _heard + silence - time.monotonic()))
            if time.monotonic() - _heard < silence:
                continue
            try:
                text = told()
            except Exception:  # what is being described changes while it is; the next look is soon
                text = ""
            heard()
            if text:
                say(f"waiting for {text}")

    Thread(target=look, name="waiting", daemon=True).start()
