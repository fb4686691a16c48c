"""From the outbox to the SMTP server: what is sent, what waits, what is refused."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from local.cloud.cloud import Cloud
from tenantry.clients import aws, smtp
from tenantry.control import invitations, ledger, outbox, registry
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.naming import CONTROL_APP, CONTROL_DATABASE
from tenantry.operations import mailing, shipped_tasks, welcome
from tenantry.operations.delivery import Delivery
from tenantry.postgres.server import Server, acting_as
from tests.service.mail.running import due_now, free_port, kept, queue, row_of

pytestmark = pytest.mark.service

LINK = re.compile(r"https://\S+/invitations/([\w-]{43})")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


def test_the_sequence_is_queued_once_and_its_first_mail_sent(control, tenant):
    """Begun twice it is the same three mails; the invitation goes out now, the others wait, and sending again sends nothing."""
    ids = welcome.begin(tenant_id := tenant(email="ada@seq.example"))
    assert welcome.begin(tenant_id) == ids
    assert mailing.deliver(ids) == Delivery(sent=1, waiting=2)
    assert mailing.deliver(ids) == Delivery(sent=1, waiting=2)
    (mail,) = kept(control.home.mail, "ada@seq.example")
    assert (mail.subject, mail.deliveries) == ("You are invited to Acme GmbH", 1)
    assert mail.message_id == f"<{ids[0]}@tenantry.example>"
    assert mail.sender == f"bounces+{ids[0].hex}@tenantry.example"
    later = [row_of(each)["not_before"] - datetime.now(UTC) for each in ids[1:]]
    assert [round(wait / timedelta(days=1)) for wait in later] == [2, 7]


def test_an_event_queued_twice_is_one_mail(control, tenant):
    tenant_id = tenant()
    assert queue(tenant_id, "event") == queue(tenant_id, "event") != queue(tenant_id, "another")


def test_what_is_rolled_back_sends_nothing(control, tenant):
    """The mail belongs to the transaction that causes it."""
    tenant_id = tenant()
    with transaction() as connection:
        outbox.add(connection, tenant_id, "suspended", "ada@acme.example", {"user_name": "Ada"}, "k")
        raise psycopg.Rollback
    assert mailing.sweep() == Delivery()


def test_a_sweep_begins_no_mail_after_its_time(control, tenant, monkeypatch):
    """A slow server and many mails: what is in hand is finished, the rest is the next sweep's."""
    hand_over = smtp.Mailer.hand_over

    def slowly(*arguments):
        time.sleep(0.3)
        return hand_over(*arguments)

    monkeypatch.setattr(smtp.Mailer, "hand_over", slowly)
    tenant_id = tenant()
    for number in range(4):
        queue(tenant_id, f"slow-{number}")
    first = mailing.sweep(seconds=0.4)
    assert first in (Delivery(sent=1), Delivery(sent=2))
    assert mailing.sweep() == Delivery(sent=4 - first.sent)


def test_the_sweep_task_ends_before_it_is_ended():
    """Its last mail has time for three answers that the server is slow to give."""
    assert next(task for task in shipped_tasks.TASKS if task.name == "mail").timeout >= shipped_tasks.SWEEP + 3 * smtp.TIMEOUT


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("welcom", {}, "no e-mail 'welcom'"),
        ("suspended", {"usr_name": "x"}, "no placeholder usr_name"),
        ("invitation", {"invitation_url": "https://x/token"}, "holds a token"),
        ("password_reset", {"reset_url": "https://x/token"}, "holds a token"),
    ],
)
def test_a_mail_that_cannot_be_written_is_refused_where_it_is_caused(control, tenant, kind, parameters, message):
    tenant_id = tenant()
    with pytest.raises(ValueError, match=message), transaction() as connection:
        outbox.add(connection, tenant_id, kind, "ada@acme.example", parameters, "k")


def test_the_mail_is_in_the_tenants_words_and_branding(control, tenant):
    """Template, name, colours, legal links and a PNG logo are the tenant's; both texts carry the same link."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="tenantry-dev-main", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="tenantry-dev-main", Key="tenants/branded/branding/logo.png", Body=PNG)
    tenant_id = tenant(
        "branded",
        name="Bücher & Söhne",
        admin="Zoë Łukasz",
        email="zoë@bücher.example",
        configuration={
            "branding.app_name": "Bücher <Desk>",
            "branding.logo": "assets/branded/logo.png",
            "theme.primary": "#112233",
            "legal.terms": "https://buecher.example/agb",
            "email_templates.invitation.subject": "Willkommen bei {{ app_name }}, {{ user_name }}",
            "email_templates.invitation.body": "Guten Tag {{ user_name }}!\n\n{{ invitation_url }}\n",
        },
    )
    mailing.deliver(welcome.begin(tenant_id))
    (mail,) = kept(control.home.mail, "zoë@xn--bcher-kva.example")
    assert mail.subject == "Willkommen bei Bücher <Desk>, Zoë Łukasz"
    assert mail.text.startswith("Guten Tag Zoë Łukasz!")
    assert LINK.findall(mail.text) == LINK.findall(mail.html)[:1]
    assert "https://buecher.example/agb" in mail.text
    assert "https://buecher.example/agb" in mail.html
    assert "background:#112233" in mail.html
    assert "Bücher &lt;Desk&gt;" in mail.html
    assert "cid:logo." in mail.html
    assert b"image/png" in mail.path.read_bytes()


def test_no_row_of_the_database_holds_a_token(control, tenant):
    """Nothing but the mail has the link; the database has its SHA-256."""
    tenant_id = tenant(email="ada@secret.example")
    mailing.deliver(welcome.begin(tenant_id))
    token = LINK.search(kept(control.home.mail, "ada@secret.example")[0].text).group(1)
    with transaction() as connection:
        tables = [row["tablename"] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'control'")]
        everything = "".join(
            str(row["line"])
            for table in tables
            for row in connection.execute(
                psycopg.sql.SQL("SELECT t::text AS line FROM {} t").format(psycopg.sql.Identifier(table))
            ).fetchall()
        )
    assert hashlib.sha256(token.encode()).hexdigest() in everything
    assert token not in everything


def test_later_mails_carry_the_link_that_works_now(control, tenant):
    """Day 2 has the same link as day 0; after a new one was issued, day 7 has that; once accepted, it leads to the sign-in page."""
    tenant_id = tenant(email="ada@later.example")
    ids = welcome.begin(tenant_id)
    mailing.deliver(ids)
    due_now(ids[1])
    mailing.sweep()
    first, second = (LINK.search(mail.text).group(1) for mail in kept(control.home.mail, "ada@later.example"))
    assert first == second
    new = registry.issue_tokens([tenant_id], again=True)[tenant_id]
    mailing.deliver([welcome.again(tenant_id)])
    renewed = LINK.search(kept(control.home.mail, "ada@later.example")[2].text).group(1)
    assert len({first, new, renewed}) == 3
    with transaction() as connection:
        connection.execute("UPDATE invitations SET accepted_at = now() WHERE tenant_id = %s", [tenant_id])
    due_now(ids[2])
    mailing.sweep()
    last = kept(control.home.mail, "ada@later.example")[3]
    assert not LINK.search(last.text)
    assert "/login" in last.text


def test_a_printed_link_is_the_one_that_is_mailed(control, tenant):
    """`tenantry up` has issued a token: the welcome mail carries it, and does not end it."""
    tenant_id = tenant(email="ada@printed.example")
    printed = registry.issue_tokens([tenant_id])[tenant_id]
    assert registry.issue_tokens([tenant_id]) == {}
    mailing.deliver(welcome.begin(tenant_id))
    assert LINK.search(kept(control.home.mail, "ada@printed.example")[0].text).group(1) == printed


def test_a_random_token_of_old_is_replaced(control, tenant):
    """One that cannot be derived cannot be mailed: the sequence begins with a new one."""
    tenant_id = tenant(email="ada@old.example")
    with transaction() as connection:
        connection.execute(
            "UPDATE invitations SET token_hash = %s, issued_at = now(), expires_at = now() + interval '1 day' WHERE tenant_id = %s",
            [hashlib.sha256(b"random").digest(), tenant_id],
        )
    assert mailing.deliver(welcome.begin(tenant_id)).sent == 1


def test_suspension_cancels_the_sequence(control, tenant):
    """Cancelled in the suspension's transaction; and even without that, no mail goes to a tenant that is not active."""
    tenant_id = tenant()
    ids = welcome.begin(tenant_id)
    with transaction() as connection:
        assert welcome.cancel(connection, tenant_id, "the tenant is suspended") == 3
    due_now(*ids)
    assert mailing.deliver(ids) == Delivery(cancelled=3, causes=mailing.deliver(ids).causes)
    forgotten = tenant(state="suspended")
    late = queue(forgotten, "late")
    with transaction() as connection:
        told = outbox.add(connection, forgotten, "suspended", "ada@told.example", {"user_name": "Ada"}, "told")
    assert mailing.deliver([late, told]) == Delivery(
        sent=1, cancelled=1, causes=("domain_ready to ada@acme.example: the tenant is suspended",)
    )
    assert welcome.begin(forgotten) == []


@pytest.mark.parametrize("column", ["accepted_at", "revoked_at"])
def test_an_invitation_that_is_over_is_not_mailed(control, tenant, column):
    tenant_id = tenant()
    ids = welcome.begin(tenant_id)
    with transaction() as connection:
        connection.execute(psycopg.sql.SQL("UPDATE invitations SET {} = now()").format(psycopg.sql.Identifier(column)))
    assert mailing.deliver(ids).cancelled == 1


def test_a_clone_sends_no_mail(control, tenant):
    tenant_id = tenant(labels={"clone-of": "acme"})
    ids = welcome.begin(tenant_id)
    assert mailing.deliver(ids).cancelled == 1


def test_mail_waits_for_a_server_that_is_down(control, tenant, monkeypatch):
    """Deferred with the reason, not failed; the others of the batch are not even tried; sent when the server is back."""
    tenant_id = tenant()
    ids = [queue(tenant_id, f"e{number}", recipient=f"down{number}@x.example") for number in range(3)]
    port = control.environment["SMTP_PORT"]
    monkeypatch.setenv("SMTP_PORT", str(free_port()))
    delivery = mailing.deliver(ids)
    assert (delivery.deferred, delivery.sent, delivery.failed) == (3, 0, 0)
    assert "Connection refused" in delivery.causes[0] + delivery.causes[1] + delivery.causes[2]
    with transaction() as connection:
        assert sum(len(outbox.attempts(connection, each)) for each in ids) == 1
    monkeypatch.setenv("SMTP_PORT", port)
    due_now(*ids)
    assert mailing.sweep() == Delivery(sent=3)


def test_the_sink_itself_may_be_down_for_a_while(control, tenant):
    """The same with the local cloud's own server taken away and started again."""
    import psutil

    tenant_id = tenant()
    (pid,) = [status.pid for status in Cloud(control.home).status() if status.name == "mail"]
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)
    mail_id = queue(tenant_id, "down", recipient="back@x.example")
    assert mailing.deliver([mail_id]).deferred == 1
    Cloud(control.home).up()
    due_now(mail_id)
    assert mailing.deliver([mail_id]).sent == 1
    assert len(kept(control.home.mail, "back@x.example")) == 1


def test_a_mail_refused_for_now_waits_longer_each_time(stubborn, tenant):
    """A 4xx defers this mail alone, with a growing pause; after MAX_TRIES it has failed, with the last reason."""
    stubborn.on["RCPT"] = lambda line: "451 greylisted" if b"slow@" in line else "250 fine"
    tenant_id = tenant()
    slow, quick = queue(tenant_id, "slow", recipient="slow@x.example"), queue(tenant_id, "quick", recipient="quick@x.example")
    assert (mailing.deliver([slow, quick]).deferred, len(stubborn.taken)) == (1, 1)
    waits = [row_of(slow)["not_before"]]
    due_now(slow)
    mailing.sweep()
    assert row_of(slow)["not_before"] - waits[0] > timedelta(seconds=50)
    for _ in range(outbox.MAX_TRIES - 2):
        due_now(slow)
        mailing.sweep()
    row = row_of(slow)
    assert (row["state"], row["tries"]) == ("failed", outbox.MAX_TRIES)
    assert "451 greylisted" in row["cause"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "TEXT"])
def test_a_mail_refused_for_good_has_failed(stubborn, tenant, verb):
    """A 5xx at any point: not tried again by itself, the server's words kept; the next mail goes over the same connection."""
    refused = queue(tenant(), "e")
    stubborn.on[verb] = _once("550 5.1.1 no such user", "354 go on" if verb == "DATA" else "250 fine")
    delivery = mailing.deliver([refused])
    assert (delivery.failed, delivery.sent) == (1, 0)
    assert "550 5.1.1 no such user" in row_of(refused)["cause"]
    assert mailing.sweep() == Delivery()
    with transaction() as connection:
        assert outbox.requeue(connection, [refused]) == [refused]
    assert mailing.deliver([refused]).sent == 1
    assert len(stubborn.taken) == (2 if verb == "TEXT" else 1)


@pytest.mark.parametrize("answer", ["530 5.7.0 authentication required", "421 too many connections"])
def test_a_refusal_of_all_mail_fails_none(stubborn, tenant, answer):
    """Wrong credentials are wrong with our settings: every mail waits."""
    stubborn.on["MAIL"] = lambda line: answer
    tenant_id = tenant()
    ids = [queue(tenant_id, f"e{number}") for number in range(3)]
    delivery = mailing.deliver(ids)
    assert (delivery.deferred, delivery.failed) == (3, 0)
    assert sum(line.upper().startswith("MAIL") for line in stubborn.seen) == 1


def test_an_answer_that_never_comes_allows_one_second_sending(stubborn, tenant):
    """The line is cut after the text: sent once more with the same Message-ID, then left to a person, who may send it again."""
    stubborn.on["TEXT"] = lambda text: None
    mail_id = queue(tenant(), "e")
    assert mailing.deliver([mail_id]).deferred == 1
    due_now(mail_id)
    delivery = mailing.deliver([mail_id])
    assert delivery.failed == 1
    assert "may have arrived" in delivery.causes[0]
    assert stubborn.message_ids == [f"<{mail_id}@tenantry.example>"] * 2
    due_now(mail_id)
    mailing.sweep()
    assert len(stubborn.taken) == 2
    del stubborn.on["TEXT"]
    with transaction() as connection:
        outbox.requeue(connection, [mail_id])
    assert mailing.deliver([mail_id]).sent == 1
    assert len(set(stubborn.message_ids)) == 1


def test_senders_at_the_same_time_share_the_mails(stubborn, tenant):
    """Four sweeps over 40 mails: each mail once, by whoever came first."""
    tenant_id = tenant()
    ids = [queue(tenant_id, f"e{number}", recipient=f"r{number}@x.example") for number in range(40)]
    begin = threading.Barrier(4)
    done: list[int] = []

    def sweep() -> None:
        begin.wait()
        done.append(mailing.sweep().sent)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(done) == 40
    assert sorted(stubborn.message_ids) == sorted(f"<{each}@tenantry.example>" for each in ids)


def test_a_mail_in_another_senders_hands_is_not_ours(stubborn, tenant):
    """While one sender waits for the server's answer, another that wants the same mail leaves it and says so."""
    waiting, go_on = threading.Event(), threading.Event()

    def slowly(text: bytes) -> str:
        waiting.set()
        go_on.wait(30)
        return "250 taken"

    stubborn.on["TEXT"] = slowly
    mail_id = queue(tenant(), "e")
    first = threading.Thread(target=mailing.sweep)
    first.start()
    assert waiting.wait(30)
    assert mailing.deliver([mail_id]).deferred == 1
    go_on.set()
    first.join(30)
    assert len(stubborn.taken) == 1
    assert mailing.deliver([mail_id]).sent == 1


@pytest.mark.parametrize(
    ("configuration", "recipient", "cause"),
    [
        ({}, "ada@clone.invalid", "made never to receive mail"),
        ({"email_templates.domain_ready.body": "{% if x %}"}, "ada@x.example", "is not valid"),
        ({"email_templates.domain_ready.body": "{{ tour_url }}"}, "ada@x.example", "needs a value for tour_url"),
    ],
)
def test_a_mail_that_cannot_be_made_fails_and_says_why(control, tenant, configuration, recipient, cause):
    """An address or a template that is wrong stops its own mail only."""
    tenant_id = tenant(configuration=configuration)
    mail_id = queue(tenant_id, "e", recipient=recipient)
    good = queue(tenant(), "good", recipient="good@x.example")
    delivery = mailing.deliver([mail_id, good])
    assert (delivery.failed, delivery.sent) == (1, 1)
    assert cause in delivery.causes[0]


def test_a_server_without_smtputf8_is_told_nothing_it_cannot_read(stubborn, tenant):
    """An address with letters outside ASCII before the @ needs SMTPUTF8, which this server does not offer."""
    mail_id = queue(tenant(), "e", recipient="zoë@x.example")
    assert mailing.deliver([mail_id]).failed == 1
    assert "SMTPUTF8" in row_of(mail_id)["cause"]
    assert stubborn.taken == []


def test_the_application_sees_no_mail(control, tenant):
    """Whom the platform writes to is not the application's to read: the outbox is refused, whatever context is set."""
    one = tenant()
    queue(one, "e")
    with Server.from_environment().connect(CONTROL_DATABASE) as connection, acting_as(connection, CONTROL_APP):
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [one])
        with pytest.raises(InsufficientPrivilege), connection.transaction():
            connection.execute("SELECT tenant_id FROM control.outbox")


def test_a_deleted_tenant_leaves_no_mail(control, tenant):
    with Server.from_environment().connect() as connection:
        ledger.begin(connection, ledger.Ledger.read(connection, "shared"), [], [])
    tenant_id = tenant("leaving")
    welcome.begin(tenant_id)
    registry.retire(tenant_id, "leaving")
    with transaction() as connection:
        assert outbox.entries(connection, slug="leaving") == []


def test_without_a_mail_server_nothing_is_touched(control, tenant, monkeypatch):
    """No SMTP_HOST is an error of the input; the mail stays queued, untried."""
    mail_id = queue(tenant(), "e")
    monkeypatch.delenv("SMTP_HOST")
    with pytest.raises(InputError, match="SMTP_HOST is not set"):
        mailing.deliver([mail_id])
    assert (row_of(mail_id)["state"], row_of(mail_id)["tries"]) == ("queued", 0)


def _once(first: str, then: str):
    """Answers ``first`` the first time and ``then`` from then on."""
    answers = iter([first])
    return lambda _: next(answers, then)


def test_a_code_resolves_to_its_tenant_while_its_link_works(control, tenant):
    """By the code alone: open, expired, accepted; replaced or made up it is unknown. The command reads it from standard input."""
    tenant_id = tenant("resolved", email="ada@resolved.example")
    old = registry.issue_tokens([tenant_id], again=True)[tenant_id]
    code = registry.issue_tokens([tenant_id], again=True)[tenant_id]

    def state(token):
        with transaction() as connection:
            found = invitations.resolve(connection, token)
        return found and (found.state, str(found.tenant_id), found.slug, found.tenant_state)

    def told(text):
        command = [sys.executable, "-c", "from tenantry.cli import main; main()", "resolve", "--invitation"]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout

    def changed(assignment):
        with transaction() as connection:
            connection.execute(f"UPDATE invitations SET {assignment} WHERE tenant_id = %s", [tenant_id])

    assert state(code) == ("open", tenant_id, "resolved", "active")
    assert state(old) is state("made-up") is state("") is None
    assert (told(f"{code}\n"), told("made-up")) == ("open resolved (active)\n", "unknown\n")
    changed("expires_at = now()")
    assert state(code)[0] == "expired"
    changed("accepted_at = now()")
    assert state(code)[0] == "accepted"
    changed("revoked_at = now()")
    assert state(code)[0] == "revoked"
