"""One mail's text, address or row ends no sweep, and adds nothing to any mail."""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter

import psycopg
import pytest
from psycopg import sql

from tenantry.control import outbox
from tenantry.control.database import transaction
from tenantry.declaration.keys import TEMPLATES
from tenantry.operations import mailing, welcome
from tenantry.operations.delivery import Delivery
from tenantry.postgres.server import Server
from tenantry.rendering import message
from tests.service.mail.running import due_now, queue, row_of
from tests.unit.hostile_mail import hostile
from tests.unit.test_hostile_mail import CHOKING, HEADERS, INJECTED, header_names
from tests.volume import volume

pytestmark = [pytest.mark.service, pytest.mark.xdist_group("mail-service")]


def test_the_attacks_reach_nobody_and_the_mails_behind_them_arrive(stubborn, tenant):
    """AUDIT S1 and S2 end to end, over SMTP: the first two mails are hostile, two others wait behind them; one sweep sends them."""
    harbor = tenant(admin=INJECTED, email="hana@harbor.example", configuration={"branding.app_name": f"Harbor {INJECTED}"[:60]})
    choking = tenant(admin=CHOKING, email="hana@choking.example", configuration={"branding.app_name": CHOKING})
    acme, birch = tenant(email="ada@acme.example"), tenant(email="bo@birch.example")
    for each in (harbor, choking, acme, birch):
        welcome.begin(each)
    delivery = mailing.sweep()
    assert (delivery.sent, delivery.failed, delivery.deferred) == (4, 0, 0), delivery
    assert stubborn.recipients == ["hana@harbor.example", "hana@choking.example", "ada@acme.example", "bo@birch.example"]
    for content in stubborn.contents:
        assert sorted(header_names(content)) == sorted(HEADERS)
        assert b"Reply-To" not in content.partition(b"\r\n\r\n")[0]
    for mail in stubborn.taken:
        assert "PAY HERE" not in mail.get_body(("plain",)).get_content()
        assert mail["Subject"].startswith("You are invited to ")


def test_whatever_a_mail_raises_fails_that_mail(stubborn, tenant, monkeypatch):
    """A fault nobody foresaw: the mail has failed with its cause, those behind it arrive, and the next sweep leaves it alone."""
    acme, birch = tenant(), tenant()
    faulty, fine = queue(acme, "a", recipient="faulty@acme.example"), queue(birch, "b", recipient="fine@birch.example")
    compose = message.compose

    def raising(*arguments, recipient, **named):
        if recipient == "faulty@acme.example":
            raise RecursionError("maximum recursion depth exceeded")
        return compose(*arguments, recipient=recipient, **named)

    monkeypatch.setattr(message, "compose", raising)
    delivery = mailing.sweep()
    assert (delivery.sent, delivery.failed) == (1, 1)
    assert row_of(faulty)["state"] == "failed"
    assert "RecursionError: maximum recursion depth" in row_of(faulty)["cause"]
    assert row_of(fine)["state"] == "sent"
    assert mailing.sweep() == Delivery()


def test_a_fault_in_sql_fails_that_mail(stubborn, tenant, monkeypatch):
    """The statement that failed is undone, the claim is not: no other sender comes between."""
    faulty, fine = queue(tenant(), "a"), queue(tenant(), "b")
    invitation = mailing.Composer.__call__

    def dividing(self, connection, entry):
        if entry.id == faulty:
            connection.execute("SELECT 1/0")
        return invitation(self, connection, entry)

    monkeypatch.setattr(mailing.Composer, "__call__", dividing)
    mailing.sweep()
    assert "division by zero" in row_of(faulty)["cause"]
    assert row_of(fine)["state"] == "sent"


def test_a_mail_that_raises_again_and_again_is_set_aside(stubborn, tenant, monkeypatch):
    """A cause that passes is waited for, `MAX_TRIES` times and no more."""
    mail = queue(tenant(), "a")

    def locked(*_):
        raise psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")

    monkeypatch.setattr(mailing.Composer, "__call__", locked)
    for _ in range(outbox.MAX_TRIES):
        assert row_of(mail)["state"] == "queued"
        due_now(mail)
        mailing.sweep()
    assert row_of(mail)["state"] == "failed"
    assert "given up after 25 tries" in row_of(mail)["cause"]


@pytest.mark.parametrize("answer", ["250 ok\0", "250 \x1b[2K\u202e fine", "550 no\0such\x9b31m user"])
def test_a_servers_words_are_kept_as_text(stubborn, tenant, answer):
    """PostgreSQL stores no NUL: an answer with one was an error after the mail had gone out, and sent it a second time."""
    stubborn.on["TEXT" if answer.startswith("250") else "RCPT"] = lambda _: answer
    first, behind = queue(tenant(), "a"), queue(tenant(), "b")
    mailing.sweep()
    mailing.sweep()
    assert {row_of(each)["state"] for each in (first, behind)} == {"sent" if answer.startswith("250") else "failed"}
    assert len(stubborn.taken) == (2 if answer.startswith("250") else 0)
    with transaction() as connection:
        kept = [row["answer"] for row in outbox.attempts(connection, first)]
    assert all(text.isprintable() for text in kept)


@pytest.mark.parametrize(
    ("column", "value"),
    [("parameters", '["a"]'), ("parameters", '{"user_name": {"a": 1}}'), ("parameters", json.dumps({"user_name": "x" * 100_001})),
     ("recipient", "x" * 400), ("kind", "x" * 61), ("key", "x" * 501)],
)  # fmt: skip
def test_no_row_is_of_another_shape(control, tenant, column, value):
    """The table refuses what could not be read, or not within the memory of a sweep."""
    mail = queue(tenant(), "a")
    with pytest.raises(psycopg.errors.CheckViolation), transaction() as connection:
        connection.execute(sql.SQL("UPDATE outbox SET {} = %s WHERE id = %s").format(sql.Identifier(column)), [value, mail])


DEFAULTS = {
    "datestyle": "German", "intervalstyle": "sql_standard", "client_encoding": "LATIN1", "default_transaction_isolation": "serializable",
    "quote_all_identifiers": "on", "default_transaction_read_only": "on", "statement_timeout": "60ms",
    "idle_in_transaction_session_timeout": "300ms",
}  # fmt: skip


def test_an_invitation_goes_out_once_whatever_the_role_has_as_its_defaults(stubborn, tenant):
    """cases/disasters.md, D10: under `serializable` the server's answer could not be noted, and the mail went out twice."""
    stubborn.on["TEXT"] = lambda _: time.sleep(0.5) or "250 taken, slowly"
    first, behind = tenant(), tenant()
    server = Server.from_environment()
    with psycopg.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, dbname="postgres", autocommit=True,
        options="-c default_transaction_read_only=off",
    ) as connection:  # fmt: skip
        role = sql.Identifier(server.user)
        try:
            for name, value in DEFAULTS.items():
                connection.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(name), value))
            for each in (first, behind):
                welcome.begin(each)
            assert mailing.sweep().sent == 2
            assert mailing.sweep() == Delivery()
        finally:
            for name in DEFAULTS:
                connection.execute(sql.SQL("ALTER ROLE {} RESET {}").format(role, sql.Identifier(name)))
    assert len(stubborn.taken) == 2


@pytest.mark.volume
def test_no_mail_of_many_stops_the_sweep(stubborn, tenant):
    """Hostile rows of every kind, with others' mails among them: one sweep comes to the end of all, and the others' arrive."""
    count = volume(60, 2000)
    draw = random.Random(7)  # noqa: S311  # a test's choice
    ids, others = [], []
    with_look = [
        tenant(
            name=_storable(case.tenant_name), labels={},
            configuration={
                "branding.app_name": _storable(case.app_name), "theme.primary": _storable(case.colour), "theme.font": _storable(case.font),
                "legal.terms": _storable(case.terms), "legal.privacy": _storable(case.privacy),
                **{f"email_templates.{kind}.subject": _storable(case.subject) for kind in TEMPLATES},
                **{f"email_templates.{kind}.body": _storable(case.body.replace("{{ invitation_url }}", "")) for kind in TEMPLATES},
            },
        )
        for case in map(hostile, range(20))
    ]  # fmt: skip
    plain = tenant()
    with transaction() as connection:
        for seed in range(count):
            case = hostile(seed)
            row = connection.execute(
                "INSERT INTO outbox (tenant_id, kind, key, recipient, parameters) VALUES (%s, %s, %s, %s, %s) RETURNING id",
                [
                    draw.choice([plain, *with_look]), draw.choice([*TEMPLATES, "no_such_mail"]), f"fuzz:{seed}",
                    _storable(case.recipient)[:320],
                    json.dumps({"user_name": _storable(case.user_name), "inviter_name": _storable(case.inviter_name),
                                "domain": _storable(case.host), "expires_at": "soon", "tour_url": _storable(case.link)}),
                ],
            ).fetchone()  # fmt: skip
            ids.append(row["id"])
            if seed % 10 == 0:
                others.append(
                    outbox.add(connection, plain, "domain_ready", "o@x.example", {"user_name": "O", "domain": "d.x.example"}, f"o{seed}")
                )
    mailing.sweep(limit=10 * count)
    with transaction() as connection:
        rows = outbox.entries(connection, ids=[*ids, *others])
    states = Counter(row["state"] for row in rows)
    assert states["queued"] == 0, [row["cause"] for row in rows if row["state"] == "queued"][:3]
    assert all(row["state"] == "sent" for row in rows if row["id"] in others)
    assert all(row["cause"] for row in rows if row["state"] == "failed")
    assert not [row["cause"] for row in rows if "unexpected" in (row["cause"] or "")]
    assert states["sent"] > count // 4, states
    assert len(stubborn.contents) == states["sent"]
    for content in stubborn.contents:
        assert sorted(header_names(content)) == sorted(HEADERS)
    print(states)


def _storable(text: str) -> str:
    """What PostgreSQL can hold: no NUL, no half of a surrogate pair."""
    return re.sub("[\0\ud800-\udfff]", "", text)
