"""What a run tells is written at most twice a second, and of what came in between the last is not lost."""

from __future__ import annotations

import time
from threading import Event
from uuid import uuid4

import pytest

from tenantry.control import runs_at_work
from tenantry.errors import TransientError
from tenantry.work import words
from tenantry.work.step import Log, Run
from tenantry.work.words import Words


@pytest.fixture
def told():
    return []


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(words, "PAUSE", 0.05)


def test_a_thousand_words_are_two_and_the_second_is_the_last(told, fast):
    heard = Event()

    def write(text: str) -> None:
        told.append(text)
        if text == "999":
            heard.set()

    teller = Words(write)
    for n in range(1000):
        teller.tell(str(n))
    assert heard.wait(10)
    assert told[0] == "0"
    assert len(told) <= 3  # a slow machine


def test_two_that_are_far_enough_apart_are_both_written_at_once(told, fast):
    teller = Words(told.append)
    teller.tell("one")
    time.sleep(0.06)
    teller.tell("two")
    assert told == ["one", "two"]


def test_no_word_comes_after_the_end(told, fast):
    teller = Words(told.append)
    teller.tell("one")
    teller.tell("two")
    teller.over()
    time.sleep(0.1)
    assert told == ["one"]


def test_the_pause_is_half_a_second():
    assert words.PAUSE == 0.5


def test_one_that_cannot_be_written_is_the_callers_and_a_late_one_nobodys(fast):
    called = []

    def write(text: str) -> None:
        called.append(text)
        raise TransientError("away", "wait")

    teller = Words(write)
    with pytest.raises(TransientError):
        teller.tell("one")
    teller.tell("two")
    time.sleep(0.2)
    assert called == ["one", "two"]


@pytest.mark.parametrize("end", ["end", "fail"])
def test_the_end_of_a_step_is_its_last_word(monkeypatch, told, fast, end):
    """A run's step that ends, or fails, is written without delay, and nothing after it."""
    monkeypatch.setattr(runs_at_work, "tell", lambda run, worker, text: told.append(text))
    monkeypatch.setattr(runs_at_work, "begin_step", lambda *_: True)
    monkeypatch.setattr(runs_at_work, "end_step", lambda *_, **more: told.append(more.get("summary") or more.get("cause")))
    run = Run(uuid4(), "worker", "backup", None, "one", None, {}, "ada", "cli")
    log = Log(run, ["only"], 1)
    log.begin("only")
    run.tell("half")
    run.tell("nearly all")
    if end == "end":
        log.end("only", "all of it")
    else:
        log.fail("failed", "all of it", "again")
    time.sleep(0.1)
    assert told == ["half", "all of it"]
