"""`tenantry status` on a terminal of 80 columns, and hints that name what was meant."""

from __future__ import annotations

import io
import re
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest

from tenantry import console
from tenantry.commands import evidence, lifecycle, mail, standing
from tenantry.control import backups, quarantine, registry
from tenantry.control import runs as journal
from tenantry.engine.applied import Waiting
from tenantry.errors import InputError, TransientError
from tenantry.operations import runs as entries
from tenantry.operations import status

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
SLUGS = [f"tenant-{number:02}-with-a-name-as-long-as-allowed"[:40].rstrip("-") for number in range(12)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def tenants(monkeypatch):
    """Twelve, each with the longest of names, addresses and states."""
    rows = [
        {
            "slug": slug, "state": "offboarding", "isolation": "instance", "host": f"{slug}.platform.example.com", "server": f"srv-{slug}",
            "database": f"t_{slug}".replace("-", "_"), "schema": "app", "bucket": f"tenantry-{slug}"[:60], "prefix": f"{slug}/",
            "admin_email": f"administrator@{slug}.example.com", "accepted_at": None, "issued_at": MOMENT,
            "id": uuid4(), "name": slug, "tier": "business", "cell": "main", "stack": slug, "app_role": f"{slug}__app", "limits": {},
            "labels": {}, "created_at": MOMENT, "updated_at": MOMENT, "deleted_at": None, "maintenance": None, "ready_at": None,
            "made_by": None, "configured_by": None, "configuration_rows": 0,
        }
        for slug in SLUGS
    ]  # fmt: skip
    verdict = SimpleNamespace(message=f"tenants/{SLUGS[0]}.yaml " + "is older than what was applied of it, " * 4, hint="git pull " * 20)
    reasons = {slug: ("its declaration changed", "a migration was added") for slug in SLUGS}
    admitted = SimpleNamespace(verdicts={SLUGS[0]: verdict}, declared={})
    monkeypatch.setattr(registry, "tenants", lambda: rows)
    monkeypatch.setattr(status, "_admitted", lambda: (admitted, None))
    monkeypatch.setattr(Waiting, "among", lambda _: SimpleNamespace(reasons=reasons))


def shown(monkeypatch, stream: io.StringIO, columns: int, slug: str | None = None) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", stream)
    standing.status(slug)
    return re.sub(r"\033\[[0-9;]*m", "", stream.getvalue()).splitlines()  # a table's bold head


def test_status_fits_80_columns(tenants, monkeypatch):
    """Each tenant on one line, whole; what is left out is said."""
    lines = shown(monkeypatch, Terminal(), 80)
    assert max(map(len, lines)) <= 80
    for slug in SLUGS:
        assert [line for line in lines if line.startswith("│") and f" {slug} (offboarding) " in line]
    assert any(line.startswith("left out, because this terminal is narrow: bucket prefix, database, host") for line in lines)


def test_one_tenant_fits_80_columns(tenants, monkeypatch):
    assert max(map(len, shown(monkeypatch, Terminal(), 80, SLUGS[3]))) <= 80


@pytest.mark.parametrize(("stream", "columns"), [(Terminal, 600), (io.StringIO, 80)])
def test_a_wide_terminal_and_a_file_have_every_column(tenants, monkeypatch, stream, columns):
    text = "\n".join(shown(monkeypatch, stream(), columns))
    assert all(word in text for word in ("bucket prefix", "database", "admin invitation", f"administrator@{SLUGS[11]}.example.com"))
    assert "left out" not in text


def test_a_paragraph_is_escaped_before_it_is_broken(monkeypatch):
    """A word that is too long for a line stays whole: it may be copied."""
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    console.paragraph("one\x1b[2K two three four a-very-long-word-that-is-one")
    assert stream.getvalue() == "one\\x1b[2K two three\n  four\n  a-very-long-word-that-is-one\n"


RUN = "7c3f9a52-1111-4222-8333-444455556666"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("7c3f9a52", f"did you mean {RUN}?"),
        ("7C3F9A52-…", f"did you mean {RUN}?"),
        (RUN[:-1], f"did you mean {RUN}?"),
        ("7c3", "tenantry log shows the runs with their ids"),
        ("alder", "tenantry log shows the runs with their ids"),
    ],
)
def test_the_start_of_a_runs_id_names_the_run(monkeypatch, typed, hint):
    monkeypatch.setattr(journal, "latest", lambda limit: [{"id": uuid4()}, {"id": RUN}])
    with pytest.raises(InputError) as caught:
        entries.require_id(typed)
    assert (caught.value.hint, caught.value.message) == (hint, f"{typed!r} is not a run's id")


def test_without_a_server_it_is_the_id_that_is_wrong(monkeypatch):
    def away(limit):
        raise TransientError("no server")

    monkeypatch.setattr(journal, "latest", away)
    with pytest.raises(InputError, match="'alder' is not a run's id"):
        entries.require_id("alder")


def test_a_run_that_is_not_there_names_one_that_is(monkeypatch):
    monkeypatch.setattr(journal, "latest", lambda limit: [{"id": RUN}])
    assert journal._no_run(RUN.replace("1111", "1112")).hint == f"did you mean {RUN}?"
    assert journal._no_run(uuid4()).hint == "tenantry log shows the runs"


def test_a_tenant_without_a_backup_names_one_that_has(monkeypatch):
    entries = [SimpleNamespace(slug="acme")]
    monkeypatch.setattr(backups, "listed", lambda tenant=None: [] if tenant else entries)
    with pytest.raises(InputError, match="there is no backup of acne") as caught:
        backups.newest("acne")
    assert caught.value.hint == "did you mean acme?"


def test_a_name_that_is_not_in_quarantine_names_one_that_is(monkeypatch):
    monkeypatch.setattr(quarantine, "release", lambda name: False)
    monkeypatch.setattr(quarantine, "listed", lambda: [{"name": "portal.acme.example"}])
    with pytest.raises(InputError) as caught:
        evidence.quarantine_release("portal.acme.exampel")
    assert caught.value.hint == "did you mean portal.acme.example?"


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: mail.preview("acme", "welcom"), "did you mean 'welcome'?"),
        (lambda: mail.list_(state=["sended"]), "did you mean 'sent'?"),
        (lambda: lifecycle.offboard("acme", then="archiv"), "did you mean 'archive'?"),
        (lambda: lifecycle.undelete("acme", to="activ"), "did you mean 'active'?"),
    ],
)
def test_a_word_that_there_is_not_names_the_nearest(call, hint):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.hint == hint
