"""The platform's own keys are made once, and not again while anything needs those that are gone."""

from __future__ import annotations

import json

import pytest

from tenantry.control import keys
from tenantry.errors import WorkError


@pytest.fixture
def secret(monkeypatch):
    """What the secret holds each time that it is asked for."""
    answers: list[str | None] = []
    monkeypatch.setattr(keys.aws, "find_secret", lambda name: answers.pop(0))
    monkeypatch.setattr(keys, "_needed", lambda: "the copies of backup keys beside it")
    return answers


def test_keys_that_are_gone_are_not_made_anew(secret):
    secret += [None, None]
    with pytest.raises(WorkError, match="there is no secret tenantry-dev/tenantry/keys, and the copies"):
        keys.backup_identity()


def test_two_first_backups_at_once_have_the_same(secret):
    """The other one made the secret, and what needs it, between the two looks."""
    secret += [None, json.dumps({"backup": "AGE"})]
    assert keys.backup_identity() == "AGE"
