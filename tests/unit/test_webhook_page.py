"""docs/webhooks.md: its receiver works as it stands, and its table has the events that there are."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest

from tenantry.control.webhook_deliveries import TEST, Claimed
from tenantry.operations import webhook_sender, webhooks
from tenantry.web.routes.webhooks import Event

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET, OTHER = ("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


@pytest.fixture
def receive():
    code = re.search(r"^```python verifier\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert code is not None
    names = {}
    exec(code[1], names)  # noqa: S102  # a page of ours
    return names["receive"]


def sent(*secrets, kind="run.done"):
    """Headers and body of a request, as a worker would send it."""
    found = []
    claimed = Claimed(
        uuid4(), uuid4(), "https://hooks.globex.example/", secrets, uuid4(), kind, datetime.now(UTC), uuid4(), "globex", {"run": "r"}, 7,
        False, 0,
    )  # fmt: skip
    webhook_sender.attempt(claimed, lambda url, headers, body: found.append((headers, body)))
    return found[0]


def test_the_receiver_takes_what_is_ours_once(receive, capsys):
    headers, body = sent(SECRET)
    assert receive(SECRET, headers, body) == receive(SECRET, headers, body) == 204
    assert capsys.readouterr().out.count("run.done") == 1
    assert receive(OTHER, headers, body) == 401
    assert receive(SECRET, headers, body.replace(b"globex", b"clobex")) == 401
    assert receive(SECRET, {**headers, "webhook-id": str(uuid4())}, body) == 401
    old = str(int((datetime.now(UTC) - timedelta(minutes=6)).timestamp()))
    assert receive(SECRET, {**headers, "webhook-timestamp": old}, body) == 401


def test_while_two_secrets_are_in_force_either_will_do(receive):
    headers, body = sent(OTHER, SECRET)
    assert receive(SECRET, headers, body) == receive(OTHER, headers, body) == 204


def test_every_event_is_in_the_table_and_in_the_description():
    table = PAGE.partition("## What is told")[2].partition("```")[0]
    assert set(re.findall(r"`([a-z]+\.[a-z_]+)`", table)) == {*webhooks.EVENTS, TEST}
    scopes = {
        event: scope
        for line in table.splitlines()
        for event in re.findall(r"`([a-z]+\.[a-z_]+)`", line)
        for scope in re.findall(r"`(\w+:\w+)`", line)
    }
    assert scopes == {event: scope for event, (scope, _) in webhooks.EVENTS.items()}
    assert set(get_args(Event)) == set(webhooks.EVENTS)
