"""Secrets of logins as an application keeps them: read once, anew when it is told, and once more when the server refuses."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from tenantry.app.credentials import Login
from tenantry.app.secrets import VARIABLE, Secrets, directory_dsn
from tenantry.errors import TransientError, WorkError

ARN = "arn:aws:secretsmanager:eu-central-1:1:secret:p/tenantry/logins/t_acme__app-x"
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def tenant(since: datetime | None = NOW, secret: str | None = ARN) -> Any:
    return SimpleNamespace(slug="acme", secret=secret, secret_since=since)


class Place:
    """Where secrets are; ``away`` is what to answer with instead."""

    def __init__(self) -> None:
        self.password, self.asked = "one", 0
        self.away: Exception | None = None

    def __call__(self, arn: str) -> str:
        assert arn == ARN
        self.asked += 1
        if self.away:
            raise self.away
        return json.dumps({"username": "t_acme__app", "password": self.password})


@pytest.fixture
def place() -> Place:
    return Place()


def test_it_is_read_once_until_somebody_tells_of_a_change(place):
    """A tenant that was looked up after a renewal has a newer date; an older answer that is still about brings nothing back."""
    known = Secrets(place)
    assert known(tenant()) == known(tenant()) == Login("t_acme__app", "one")
    assert place.asked == 1
    place.password = "two"
    assert known(tenant(NOW + timedelta(seconds=1))).password == "two"
    assert known(tenant()).password == "two"
    assert place.asked == 2


def test_it_is_read_anew_after_a_while(place):
    known = Secrets(place, lifetime=0.0)
    known(tenant())
    place.password = "two"
    assert known(tenant()).password == "two"


def test_a_refused_one_is_read_once_more(place):
    """By the first who is refused; nothing is tried again where it says the same."""
    known = Secrets(place)
    refused = known(tenant())
    assert known.renewed(tenant(), refused) is None
    place.password = "two"
    asked = place.asked
    with ThreadPoolExecutor(8) as pool:
        barrier = threading.Barrier(8)

        def ask(_: int) -> Login | None:
            barrier.wait()
            return known.renewed(tenant(), refused)

        assert {found.password for found in pool.map(ask, range(8)) if found} == {"two"}
    assert place.asked == asked + 1
    assert known(tenant()).password == "two"


def test_what_was_read_before_serves_while_nothing_can_be_read(place, caplog):
    """The former password lets in for a day; without one there is nothing to serve with."""
    known = Secrets(place)
    before = known(tenant())
    place.away = TransientError("no answer")
    assert known(tenant(NOW + timedelta(seconds=1))) == before
    assert "no answer" in caplog.text
    with pytest.raises(TransientError):
        Secrets(place)(tenant())


def test_a_platform_without_secrets_is_named(place):
    with pytest.raises(WorkError, match="has no secret") as caught:
        Secrets(place)(tenant(secret=None))
    assert caught.value.code == "credentials.missing"


def test_the_directory_is_connected_to_by_its_secret(monkeypatch):
    """Whatever is in the password; and what to do is said where nobody has said which secret."""
    said = {"host": "db.internal", "port": 5432, "dbname": "tenantry", "username": "tenantry__directory", "password": "a b'c"}
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(WorkError, match=VARIABLE):
        directory_dsn(lambda arn: json.dumps(said))
    monkeypatch.setenv(VARIABLE, ARN)
    found = conninfo_to_dict(directory_dsn(lambda arn: json.dumps(said) if arn == ARN else ""))
    assert found == {"host": "db.internal", "port": "5432", "dbname": "tenantry", "user": "tenantry__directory", "password": "a b'c"}
