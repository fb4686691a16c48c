"""Threads that ask for the same at once share it, and nobody gets what is older than his question."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Semaphore

import pytest

from tenantry import together
from tenantry.errors import InputError
from tenantry.together import Together

CROWD = 8


def test_whoever_asks_while_one_is_at_work_waits_for_the_next_one_and_shares_it(monkeypatch):
    waiting = Semaphore(0)

    class Counted(Future):
        def result(self, timeout=None):
            waiting.release()
            return super().result(timeout)

    monkeypatch.setattr(together, "Future", Counted)
    began, may_end, given = Event(), Event(), iter(range(1, 100))

    def work() -> int:
        began.set()
        assert may_end.wait(10)
        return next(given)

    ask = Together(work)
    with ThreadPoolExecutor(CROWD + 1) as pool:
        first = pool.submit(ask)
        assert began.wait(10)
        others = [pool.submit(ask) for _ in range(CROWD)]
        for _ in range(CROWD - 1):  # one of them will work for them all
            assert waiting.acquire(timeout=10)
        may_end.set()
        assert first.result(10) == 1
        assert {each.result(10) for each in others} == {2}
    assert ask() == 3


def test_what_it_raises_is_raised_for_whoever_asked_and_the_next_one_asks_anew():
    answers = iter([InputError("wrong", "mend it"), "right"])

    def work() -> str:
        answer = next(answers)
        if isinstance(answer, InputError):
            raise answer
        return answer

    ask = Together(work)
    with pytest.raises(InputError, match="wrong"):
        ask()
    assert ask() == "right"
