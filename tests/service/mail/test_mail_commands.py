"""`tenantry mail` and `tenantry local mail`, as a person uses them."""

from __future__ import annotations

import json

import pytest

from tenantry.control import outbox
from tenantry.control.database import transaction
from tenantry.operations import mailing, welcome
from tests.service.mail.running import due_now, free_port, kept, queue, row_of

pytestmark = pytest.mark.service


def notification(mail_id, *, action="failed", status="5.1.1", to=None):
    """A delivery status notification as Postfix writes it."""
    return f"""\
Return-Path: <>
To: {to or f"bounces+{mail_id.hex}@tenantry.example"}
From: MAILER-DAEMON@mx.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ada@acme.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} User unknown

--b--
"""


def test_a_failed_mail_is_seen_explained_and_sent_again(control, tenant):
    """list names it, show has every attempt, retry sends it: by the first characters of its id."""
    mail_id = queue(tenant("listed"), "e", recipient="ada@clone.invalid")
    mailing.sweep()
    listed = json.loads(control.tenantry("mail", "list", "listed", "--state", "failed", "--json").stdout)
    assert [(row["id"], row["slug"], row["kind"]) for row in listed] == [(str(mail_id), "listed", "domain_ready")]
    assert "never to receive mail" in listed[0]["cause"]
    table = control.tenantry("mail", "list").stdout
    assert str(mail_id)[:8] in table
    with transaction() as connection:
        connection.execute("UPDATE outbox SET recipient = 'right@x.example' WHERE id = %s", [mail_id])
    done = control.tenantry("mail", "retry", str(mail_id)[:8])
    assert (done.returncode, done.stdout) == (0, "1 sent\n"), done.stderr
    shown = json.loads(control.tenantry("mail", "show", str(mail_id), "--json").stdout)
    assert [(attempt["outcome"], attempt["answer"][:3]) for attempt in shown["attempts"]] == [("sent", "250")]
    assert len(kept(control.home.mail, "right@x.example")) == 1
    again = control.tenantry("mail", "retry", str(mail_id)[:8])
    assert (again.returncode, again.stderr.splitlines()[0]) == (2, "error: this mail was sent")


def test_send_says_what_it_could_not_send(control, tenant):
    """Exit code 1 and the cause on stderr where the server is down; 0 and nothing to do afterwards."""
    mail_id = queue(tenant(), "e", recipient="cli@x.example")
    done = control.tenantry("mail", "send", SMTP_PORT=str(free_port()))
    assert (done.returncode, done.stdout) == (1, "1 deferred\n")
    assert "Connection refused" in done.stderr
    due_now(mail_id)
    assert control.tenantry("mail", "send").stdout == "1 sent\n"
    assert control.tenantry("mail", "send").stdout == "nothing is due\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "bramch"), "error: no tenant bramch\n  did you mean branch?\n"),
        (("list", "--state", "sended"), "error: no mail has the state 'sended'\n"),
        (("show", "ffffffff-no"), "error: no mail begins with 'ffffffff-no'\n"),
        (("show", ""), "error: "),
        (("retry",), "error: which mail?\n"),
        (("preview", "branch", "welcom"), "error: there is no e-mail welcom\n"),
        (("bounce", "no-such-file"), "error: there is no file no-such-file\n"),
    ],
)
def test_wrong_input_is_two_lines_and_exit_2(control, tenant, arguments, message):
    tenant("branch")
    done = control.tenantry("mail", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SMTP_PORT": "smtp"}, "SMTP_PORT cannot be 'smtp'"),
        ({"SMTP_TLS": "ssl"}, "SMTP_TLS cannot be 'ssl'"),
        ({"SMTP_FROM": "Acme <a@b.example>"}, "SMTP_FROM is not an e-mail address"),
        ({"SMTP_HOST": "mx.example", "SMTP_USER": "u", "SMTP_PASSWORD": "hunter2", "SMTP_TLS": "none"}, "would send the password in plain"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_sent(control, tenant, variables, message):
    """Exit 2, the variable named, no password shown, the mail untouched."""
    mail_id = queue(tenant(), "e")
    done = control.tenantry("mail", "send", **variables)
    assert done.returncode == 2
    assert message in done.stderr
    assert "hunter2" not in done.stderr
    assert row_of(mail_id)["state"] == "queued"


def test_a_preview_has_the_tenants_words_and_no_working_link(control, tenant):
    tenant("shown", configuration={"branding.app_name": "Shown Desk"})
    plain = control.tenantry("mail", "preview", "shown", "invitation").stdout
    assert plain.startswith("Subject: You are invited to Shown Desk\n\nHello Ada Byron,")
    assert "https://shown.tenantry.example/EXAMPLE" in plain
    assert control.tenantry("mail", "preview", "shown", "invitation", "--html").stdout.startswith("<!doctype html>")


def test_a_bounce_marks_its_mail_and_stops_the_next(control, tenant, tmp_path):
    """By the address it came to; the next mail to a dead address is not sent, unless somebody asks for it."""
    tenant_id = tenant()
    mail_id = queue(tenant_id, "e")
    mailing.deliver([mail_id])
    file = tmp_path / "bounce.eml"
    file.write_text(notification(mail_id, action="delayed", status="4.4.1"))
    assert json.loads(control.tenantry("mail", "bounce", str(file), "--json").stdout)["noted"] is False
    file.write_text(notification(mail_id, to="somebody@else.example"))
    assert control.tenantry("mail", "bounce", str(file)).returncode == 2
    done = control.tenantry("mail", "bounce", str(file), "--to", f"bounces+{mail_id.hex}@tenantry.example", "--json")
    assert json.loads(done.stdout) == {
        "id": str(mail_id), "action": "failed", "status": "5.1.1", "reason": "550 5.1.1 User unknown", "noted": True,
    }  # fmt: skip
    assert row_of(mail_id)["state"] == "bounced"
    following = queue(tenant_id, "following")
    delivery = mailing.deliver([following])
    assert delivery.failed == 1
    assert "came back before" in delivery.causes[0]
    elsewhere = queue(tenant(), "other tenant")
    assert mailing.deliver([elsewhere]).sent == 1
    with transaction() as connection:
        outbox.requeue(connection, [following])
    assert mailing.deliver([following]).sent == 1


def test_a_mail_that_is_no_notification_is_refused(control, tmp_path):
    file = tmp_path / "reply.eml"
    file.write_text("To: bounces+0123456789abcdef0123456789abcdef@tenantry.example\nSubject: Re: hello\n\nThanks!\n")
    done = control.tenantry("mail", "bounce", str(file))
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: this mail is no delivery status notification")


def test_the_local_mailbox_lists_shows_and_filters(control, tenant):
    """A table; one mail as text, as HTML, as it came; JSON with all of it; duplicates counted."""
    tenant_id = tenant(email="box@x.example")
    ids = welcome.begin(tenant_id)
    mailing.deliver(ids)
    with transaction() as connection:
        connection.execute("UPDATE outbox SET state = 'queued' WHERE id = %s", [ids[0]])
    mailing.deliver(ids)
    table = control.tenantry("local", "mail", "--to", "box@").stdout.splitlines()
    assert len(table) == 3
    assert "2, same Message-ID" in table[2]
    (row,) = json.loads(control.tenantry("local", "mail", "--to", "box@", "--json").stdout)
    assert (row["recipients"], row["deliveries"], row["message_id"]) == (["box@x.example"], 2, f"<{ids[0]}@tenantry.example>")
    number = str(row["number"])
    assert "Hello Ada Byron" in control.tenantry("local", "mail", number).stdout
    assert control.tenantry("local", "mail", number, "--html").stdout.startswith("<!doctype html>")
    assert "X-Rcpt-To: box@x.example" in control.tenantry("local", "mail", number, "--raw").stdout
