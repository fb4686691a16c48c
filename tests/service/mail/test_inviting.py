"""Invitations of anybody: written, limited, mailed with who invites, taken back, listed; and the file's administrator beside them."""

from __future__ import annotations

import re
import threading
import uuid

import pytest

from tenantry.actor import Actor
from tenantry.cli import main
from tenantry.control import registry
from tenantry.control.database import transaction
from tenantry.errors import InputError, TenantryError
from tenantry.operations import invite as inviting
from tenantry.operations import mailing, welcome
from tenantry.operations.accept import accept
from tenantry.operations.delivery import Delivery
from tenantry.operations.invite import InvitationEntry, Invited, invite, listed, revoke
from tests.service.mail.running import kept
from tests.service.mail.test_onboarding import BY, code_of, refused, rows

pytestmark = pytest.mark.service

LINK = re.compile(r"https://\S+/invitations/([\w-]{43})")


def code_in(made: Invited) -> str:
    assert made.link is not None
    return made.link.rpartition("/")[2]


def turned_down(expected: str, work, *arguments, **more) -> TenantryError:
    with pytest.raises(TenantryError) as caught:
        work(*arguments, **more)
    assert caught.value.code == expected
    return caught.value


def test_a_colleague_is_invited_by_mail(control, tenant):
    """The mail says who invites, as what and until when, and its link lets him in as that."""
    tenant_id = tenant("colleague", name="Acme GmbH")
    made = invite("colleague", "Bea@Colleague.Example", "Bea Busch", "admin", BY, by_mail=True, inviter="Ada Byron")
    assert (made.email, made.role, made.link) == ("Bea@colleague.example", "admin", None)
    inviting.send(made.mail)
    (mail,) = kept(control.home.mail, "Bea@colleague.example")
    assert mail.subject == "You are invited to Acme GmbH"
    assert "Ada Byron invites you to Acme GmbH. Your role: admin. Accept until " in mail.text
    assert "Ada Byron invites you" in mail.html
    done = accept(LINK.search(mail.text)[1], actor=BY)
    assert (done.role, done.redirect) == ("admin", "https://colleague.tenantry.example/setup")
    found = listed("colleague")
    assert [(each.email, each.state, each.invited_by, each.user_id) for each in found] == [
        ("ada@colleague.example", "open", None, None),
        ("Bea@colleague.example", "accepted", "portal", done.user_id),
    ]
    assert isinstance(found[0], InvitationEntry)
    said = [(line["actor"], line["outcome"]) for line in rows("audit_log", tenant_id, order="id")]
    assert said == [("portal", f"{made.id} issued, admin"), ("portal", f"{made.id} accepted by {done.user_id}, admin")]


def test_a_tenants_own_words_and_the_platforms_invitation_stay(control, tenant):
    """Only the built-in text says who invites by itself; the first administrator is invited as before."""
    tenant_id = tenant(
        "words", email="ada@words.example", configuration={"email_templates.invitation.body": "{{ inviter_name }}: {{ role }}"}
    )
    mailing.deliver([invite("words", "bea@words.example", "Bea", "member", BY, by_mail=True, inviter="Ada").mail])
    mailing.deliver([invite("words", "cem@words.example", "Cem", "member", BY, by_mail=True).mail])
    assert kept(control.home.mail, "bea@words.example")[0].text.splitlines()[0] == "Ada: member"
    assert kept(control.home.mail, "cem@words.example")[0].text.splitlines()[0] == "Acme GmbH: member"
    plain = tenant("plainly", email="ada@plainly.example")
    mailing.deliver(welcome.begin(plain))
    assert "you are invited to Acme GmbH. Accept until" in kept(control.home.mail, "ada@plainly.example")[0].text
    assert tenant_id != plain


def test_asked_again_it_is_the_same_invitation_with_a_new_link(control, tenant):
    """Name and role are those said last, whatever the case of the address; the link before is unknown."""
    tenant("again")
    first = invite("again", "bea@again.example", "Bea", "member", BY)
    second = invite("again", "BEA@again.example", "Bea Busch", "admin", Actor("ada", "service"))
    assert (second.id, second.email, second.role) == (first.id, "bea@again.example", "admin")
    refused(code_in(first), "invitation.unknown")
    assert accept(code_in(second), actor=BY).role == "admin"
    turned_down("user.exists", invite, "again", "bea@AGAIN.example", "Bea", "member", BY)
    with transaction() as connection:
        connection.execute("DELETE FROM users WHERE email = 'bea@again.example'")
    third = invite("again", "bea@again.example", "Bea", "member", BY)
    assert accept(code_in(third), actor=BY).role == "member"


def test_whoever_is_taken_back_stays_out(control, tenant):
    """By address or id; his mail is not sent; the link is told from a made-up one. Who came is not taken back."""
    tenant_id = tenant("back")
    made = invite("back", "bea@back.example", "Bea", "member", BY, by_mail=True)
    code = code_of(tenant_id, "bea@back.example")
    assert revoke("back", "BEA@back.example", BY).state == "revoked"
    assert [row["state"] for row in rows("outbox", tenant_id)] == ["cancelled"]
    assert mailing.sweep() == Delivery()
    refused(code, "invitation.revoked")
    turned_down("invitation.unknown", revoke, "back", str(made.id), BY)
    turned_down("invitation.unknown", revoke, "back", "nobody@back.example", BY)
    turned_down("invitation.unknown", revoke, "back", "\0\x1b[31m", BY)
    turned_down("invitation.declared", revoke, "back", "ada@back.example", BY)
    again = invite("back", "bea@back.example", "Bea", "member", BY)
    assert again.id != made.id
    accept(code_in(again), actor=BY)
    turned_down("invitation.used", revoke, "back", str(again.id), BY)
    assert [each.state for each in listed("back")] == ["open", "revoked", "accepted"]


def test_users_and_open_invitations_together_keep_the_limit(control, tenant):
    """Expired and revoked ones do not count, one that is made again counts once; without a row the built-in limit holds."""
    tenant_id = tenant("few", configuration={"limits.users": 3})
    invite("few", "b@few.example", "B", "member", BY)
    made = invite("few", "c@few.example", "C", "member", BY)
    error = turned_down("limit.users", invite, "few", "d@few.example", "D", "member", BY)
    assert "may have 3 users, and has 3" in error.message
    invite("few", "c@few.example", "C", "admin", BY)
    revoke("few", "c@few.example", BY)
    invite("few", "d@few.example", "D", "member", BY)
    with transaction() as connection:
        connection.execute("UPDATE invitations SET expires_at = now() - interval '1 s' WHERE email = 'd@few.example'")
    made = invite("few", "e@few.example", "E", "member", BY)
    accept(code_in(made), actor=BY)
    turned_down("limit.users", invite, "few", "f@few.example", "F", "member", BY)
    turned_down("limit.users", invite, "few", "d@few.example", "D", "member", BY)
    assert len(rows("users", tenant_id)) == 1


def test_the_last_place_is_given_once(control, tenant):
    tenant_id = tenant("last", configuration={"limits.users": 2})
    answers, start = [], threading.Barrier(6)

    def ask(number: int) -> None:
        start.wait()
        try:
            invite("last", f"p{number}@last.example", "P", "member", BY)
            answers.append("invited")
        except InputError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["invited", *["limit.users"] * 5]
    assert len(rows("invitations", tenant_id)) == 2


def test_a_tenant_is_no_relay(control, tenant, monkeypatch):
    """However often an invitation is taken back: so many mails an hour."""
    monkeypatch.setattr(inviting, "MOST_AN_HOUR", 3)
    tenant("relay")
    for number in range(3):
        invite("relay", f"p{number}@relay.example", "P", "member", BY, by_mail=True)
        revoke("relay", f"p{number}@relay.example", BY)
    turned_down("limit.mail", invite, "relay", "p4@relay.example", "P", "member", BY, by_mail=True)
    invite("relay", "p5@relay.example", "P", "member", BY)


def test_where_nobody_is_let_in_nobody_is_invited(control, tenant):
    tenant_id = tenant("shut")
    for state, code in (("suspended", "tenant.suspended"), ("offboarding", "tenant.offboarded"), ("provisioning", "tenant.busy")):
        with transaction() as connection:
            connection.execute("UPDATE tenants SET state = %s WHERE id = %s", [state, tenant_id])
        turned_down(code, invite, "shut", "bea@shut.example", "Bea", "member", BY)
    assert turned_down("tenant.unknown", invite, "shot", "bea@shut.example", "Bea", "member", BY).hint == "did you mean shut?"
    turned_down("tenant.unknown", listed, "shot")


@pytest.mark.parametrize(
    ("email", "name", "role", "inviter"),
    [
        ("bea", "Bea", "member", ""),
        ("bea@x.example\r\nBcc: e@x.example", "Bea", "member", ""),
        ("bea@x.example, eve@x.example", "Bea", "member", ""),
        ("=?utf-8?q?bea?=@x.example", "Bea", "member", ""),
        ("bea@\u0430pple.example", "Bea", "member", ""),
        ("bea@x.invalid", "Bea", "member", ""),
        ("b\0@x.example", "Bea", "member", ""),
        ("\ud800@x.example", "Bea", "member", ""),
        (f"{'b' * 300}@x.example", "Bea", "member", ""),
        ("bea@x.example", "", "member", ""),
        ("bea@x.example", "Bea\r\nBcc: eve@x.example", "member", ""),
        ("bea@x.example", "=?utf-8?q?Bea?=", "member", ""),
        ("bea@x.example", "\u202eaeB", "member", ""),
        ("bea@x.example", "B" * 101, "member", ""),
        ("bea@x.example", "\ud800", "member", ""),
        ("bea@x.example", "Bea", "owner", ""),
        ("bea@x.example", "Bea", "\x1b[31m", ""),
        ("bea@x.example", "Bea", "member", "Ada\r\nBcc: x"),
        ("bea@x.example", "Bea", "member", "\u202eadA"),
    ],
)
def test_what_is_no_name_or_address_is_refused_and_said_safely(control, tenant, email, name, role, inviter):
    tenant_id = tenant("hostile")
    error = turned_down("input.invalid", invite, "hostile", email, name, role, BY, by_mail=True, inviter=inviter)
    assert error.message.isprintable()
    assert len(rows("invitations", tenant_id)) == 1
    assert rows("outbox", tenant_id) == []


def test_markup_in_names_is_text(control, tenant):
    """Of whoever invites, is invited, and of the tenant: shown as written, in headers and both bodies."""
    tenant("markup", name="<b>Acme</b>")
    made = invite("markup", "bea@markup.example", '"><img src=x>', "member", BY, by_mail=True, inviter="{{ 7 * 7 }}<script>")
    inviting.send(made.mail)
    (mail,) = kept(control.home.mail, "bea@markup.example")
    assert "{{ 7 * 7 }}<script> invites you to <b>Acme</b>" in mail.text
    assert "<script>" not in mail.html
    assert "<img src=x>" not in mail.html
    accept(LINK.search(mail.text)[1], actor=BY)
    assert mailing.sweep().sent == 1
    welcomed = kept(control.home.mail, "bea@markup.example")[-1]
    assert "<img src=x>" not in welcomed.html


def test_the_files_administrator_stays_the_files(control, tenant):
    """Others' invitations, administrators' too, are not his: a new file takes back his alone, and finds one who was invited as a member."""
    tenant_id = tenant("filed", email="ada@filed.example")
    invite("filed", "bea@filed.example", "Bea", "admin", BY)
    member = invite("filed", "cem@filed.example", "Cem", "member", BY)
    assert registry.read_record(tenant_id)["admin"] == {"name": "Ada Byron", "email": "ada@filed.example"}
    assert [row["admin_email"] for row in registry.tenants() if row["slug"] == "filed"] == ["ada@filed.example"]
    assert list(registry.issue_tokens([tenant_id], again=True)) == [tenant_id]
    turned_down("invitation.declared", invite, "filed", "ada@filed.example", "Ada", "member", BY)
    assert invite("filed", "ada@filed.example", "Ada Byron", "admin", BY).role == "admin"
    assert registry.read_record(tenant_id)["admin"]["email"] == "ada@filed.example"
    accept(code_in(member), actor=BY)
    there = registry.read_record(tenant_id)
    registry.record(tenant_id, "filed", there["row"], [], {"name": "Cem", "email": "cem@filed.example"})
    assert registry.read_record(tenant_id)["admin"] == {"name": "Cem", "email": "cem@filed.example"}
    assert [(each.email, each.role, each.state, each.invited_by) for each in listed("filed")] == [
        ("ada@filed.example", "admin", "revoked", None),
        ("bea@filed.example", "admin", "open", "portal"),
        ("cem@filed.example", "admin", "accepted", None),
    ]
    assert [user["role"] for user in rows("users", tenant_id)] == ["admin"]


def test_the_commands(control, tenant, capsys, monkeypatch):
    """invite, invitations, accept, invitation revoke: text and --json, and what they refuse."""

    def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        import io

        monkeypatch.setattr("sys.argv", ["tenantry", *words])
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        monkeypatch.setenv("TENANTRY_ACTOR", "ops")
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        return (code, *capsys.readouterr())

    slug = f"cmd-{uuid.uuid4().hex[:6]}"
    tenant(slug)
    code, out, err = run("invite", slug, "--email", "bea@cmd.example", "--name", "Bea")
    assert (code, err) == (0, "")
    link = out.strip()
    assert re.fullmatch(rf"https://{slug}\.tenantry\.example/invitations/[\w-]{{43}}", link)
    code, out, err = run("invite", slug, "--email", "cem@cmd.example", "--name", "Cem", "--mail", "--from", "Ada")
    assert (code, out, err) == (0, "sent to cem@cmd.example\n", "")
    code, out, err = run("invitations", slug)
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines() if "@cmd.example" in line] == ["ops", "ops"]
    assert link.rpartition("/")[2] not in out
    code, out, err = run("accept", "--profile", '{"title": "x"}', stdin=f"{link.rpartition('/')[2]}\n")
    assert (code, err) == (0, "")
    assert out.endswith(f"is let in to {slug}, as member: https://{slug}.tenantry.example/tour\n")
    code, out, err = run("accept", link.rpartition("/")[2], "--json")
    assert '"again": true' in out
    code, out, err = run("accept", link.rpartition("/")[2], "--host", "evil.example", "--json")
    assert code == 2
    assert '"code": "invitation.host"' in out
    assert run("invitation", "revoke", slug, "cem@cmd.example")[:2] == (0, f"cem@cmd.example is not invited to {slug} any more\n")
    assert run("invite", slug, "--name", "Bea")[0] == 2
    assert run("invite", slug, "--email", "dan@cmd.example")[0] == 2
    assert run("accept", "x", "--profile", "[1]")[0] == 2
