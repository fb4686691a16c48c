"""TXT records, from a server of names: what is there, what is not, and what nobody can say."""

from __future__ import annotations

import pytest

from tenantry.clients import text_records
from tenantry.errors import TransientError
from tests import nameserver


def test_each_record_is_one_text_and_what_is_not_there_is_none() -> None:
    with nameserver.serving() as names:
        names["_tenantry.acme.example"] = ["v=spf1 -all", "x" * 300]
        assert sorted(text_records.of("_tenantry.acme.example")) == ["v=spf1 -all", "x" * 300]
        assert text_records.of("acme.example") == []


def test_a_server_that_fails_proves_nothing_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_records, "PATIENCE", 0.5)
    with nameserver.serving() as names:
        names["_tenantry.acme.example"] = None
        with pytest.raises(TransientError, match="DNS does not say"):
            text_records.of("_tenantry.acme.example")
