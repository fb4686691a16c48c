"""Accepting an invitation: what one transaction writes, twice, at once, refused, broken off; and what is mailed after it."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from tenantry.actor import Actor
from tenantry.control import invitations
from tenantry.control.database import application, transaction
from tenantry.errors import InputError, TenantryError, TransientError
from tenantry.operations import mailing, welcome
from tenantry.operations.accept import accept
from tenantry.operations.delivery import Delivery
from tenantry.operations.invite import invite
from tests.service.mail.running import due_now, kept

pytestmark = pytest.mark.service

BY = Actor("portal", "service")


def code_of(tenant_id: str, email: str | None = None) -> str:
    """A new code of the first administrator's invitation, or of the one to an address."""
    with transaction() as connection:
        row = connection.execute(
            "SELECT id FROM invitations WHERE tenant_id = %s AND revoked_at IS NULL AND CASE WHEN %s::text IS NULL THEN invited_by IS NULL"
            " ELSE email = %s END",
            [tenant_id, email, email],
        ).fetchone()
        return invitations.issue(connection, uuid.UUID(tenant_id), row["id"])


def rows(table: str, tenant_id: str, columns: str = "*", order: str = "1") -> list[dict]:
    with transaction() as connection:
        query = sql.SQL("SELECT {} FROM {} WHERE tenant_id = %s ORDER BY {}").format(
            sql.SQL(columns), sql.Identifier(table), sql.SQL(order)
        )
        return connection.execute(query, [tenant_id]).fetchall()


def everything(tenant_id: str) -> dict[str, list[dict]]:
    return {table: rows(table, tenant_id) for table in ("users", "user_settings", "invitations", "outbox", "audit_log")}


def refused(code: str, expected: str, **more) -> TenantryError:
    with pytest.raises(TenantryError) as caught:
        accept(code, actor=BY, **more)
    assert caught.value.code == expected
    return caught.value


def test_an_administrator_comes_in(control, tenant):
    """User, profile, the tenant's own default settings, the audit log's line; reminders cancelled, a welcome now and two later."""
    tenant_id = tenant(
        "coming",
        admin="Ada Byron",
        email="ada@coming.example",
        configuration={"user_defaults.locale": "de", "user_defaults.email_notifications": False},
    )
    assert mailing.deliver(welcome.begin(tenant_id)) == Delivery(sent=1, waiting=2)
    done = accept(code_of(tenant_id), name="Ada B.", profile={"title": "Countess", "of": ["Lovelace"]}, actor=BY)
    assert (done.slug, str(done.tenant_id), done.role, done.again) == ("coming", tenant_id, "admin", False)
    assert done.redirect == "https://coming.tenantry.example/setup"
    assert done.settings == {"locale": "de", "time_zone": "UTC", "email_notifications": False}
    (user,) = rows("users", tenant_id)
    assert (user["id"], user["email"], user["name"], user["role"]) == (done.user_id, "ada@coming.example", "Ada B.", "admin")
    assert user["profile"] == {"title": "Countess", "of": ["Lovelace"]}
    (invitation,) = rows("invitations", tenant_id)
    assert invitation["user_id"] == done.user_id
    assert datetime.now(UTC) - invitation["accepted_at"] < timedelta(minutes=1)
    assert rows("audit_log", tenant_id, "actor, action, outcome") == [
        {"actor": "portal", "action": "invitation", "outcome": f"{invitation['id']} accepted by {done.user_id}, admin"}
    ]
    mails = rows("outbox", tenant_id, "key, kind, state, round(extract(epoch FROM not_before - now()) / 86400)::int AS days", "key")
    key = f"welcome:{invitation['id']}:"
    assert [(mail["key"].removeprefix(key), mail["kind"], mail["state"], mail["days"]) for mail in mails] == [
        ("0", "invitation", "sent", 0),
        ("2", "welcome_day_2", "cancelled", 2),
        ("7", "welcome_day_7", "cancelled", 7),
        ("accepted:0", "welcome", "queued", 0),
        ("accepted:2", "welcome_day_2", "queued", 2),
        ("accepted:7", "welcome_day_7", "queued", 7),
    ]


def test_the_welcome_goes_out_with_the_way_on(control, tenant):
    """By the real sweep and server; later mails lead to the sign-in page. In a tenant's own words where it has some."""
    tenant_id = tenant("welcomed", admin="Ada", email="ada@welcomed.example")
    accept(code_of(tenant_id), actor=BY)
    assert mailing.sweep() == Delivery(sent=1)
    (mail,) = kept(control.home.mail, "ada@welcomed.example")
    assert mail.subject == "Welcome to Acme GmbH"
    assert "https://welcomed.tenantry.example/setup" in mail.text
    assert "https://welcomed.tenantry.example/login" in mail.text
    due_now(*(row["id"] for row in rows("outbox", tenant_id) if row["state"] == "queued"))
    assert mailing.sweep() == Delivery(sent=2)
    assert all("https://welcomed.tenantry.example/login" in mail.text for mail in kept(control.home.mail, "ada@welcomed.example")[-2:])
    own = tenant("worded", email="ada@worded.example", configuration={"email_templates.welcome.body": "Grüezi {{ user_name }}"})
    accept(code_of(own), actor=BY)
    mailing.sweep()
    (mail,) = kept(control.home.mail, "ada@worded.example")
    assert mail.text.splitlines()[0] == "Grüezi Ada Byron"


def test_a_member_gets_one_mail_and_the_tour(control, tenant):
    tenant_id = tenant("touring")
    invite("touring", "bea@touring.example", "Bea Busch", "member", BY)
    done = accept(code_of(tenant_id, "bea@touring.example"), actor=BY)
    assert (done.role, done.redirect) == ("member", "https://touring.tenantry.example/tour")
    assert [(row["kind"], row["recipient"]) for row in rows("outbox", tenant_id)] == [("welcome", "bea@touring.example")]


def test_a_suspension_cancels_what_is_left(control, tenant):
    tenant_id = tenant("halted")
    accept(code_of(tenant_id), actor=BY)
    with transaction() as connection:
        assert welcome.cancel(connection, tenant_id) == 3


def test_twice_is_the_same_answer(control, tenant):
    """Also past the invitation's end; a name and a profile that come late change nothing. Who is gone since is not let in again."""
    tenant_id = tenant("twice")
    code = code_of(tenant_id)
    first = accept(code, profile={"a": 1}, actor=BY)
    there = everything(tenant_id)
    with transaction() as connection:
        connection.execute("UPDATE invitations SET expires_at = now() - interval '1 day' WHERE tenant_id = %s", [tenant_id])
    again = accept(code, name="Mallory", profile={"a": 2}, actor=BY)
    assert again.again
    assert (again.user_id, again.redirect, again.settings, again.role) == (first.user_id, first.redirect, first.settings, first.role)
    with transaction() as connection:
        connection.execute("UPDATE invitations SET expires_at = now() + interval '14 days' WHERE tenant_id = %s", [tenant_id])
    assert {name: [{**row, "expires_at": None} for row in found] for name, found in everything(tenant_id).items()} == {
        name: [{**row, "expires_at": None} for row in found] for name, found in there.items()
    }
    with transaction() as connection:
        connection.execute("DELETE FROM users WHERE tenant_id = %s", [tenant_id])
    refused(code, "invitation.used")


def test_one_accepted_before_users_were_noted_is_found_by_its_address(control, tenant):
    """Of an older release, or back from its backup."""
    tenant_id = tenant("elder")
    code = code_of(tenant_id)
    first = accept(code, actor=BY)
    with transaction() as connection:
        connection.execute("UPDATE invitations SET user_id = NULL WHERE tenant_id = %s", [tenant_id])
    assert accept(code, actor=BY).user_id == first.user_id


def test_two_at_once_are_one_user(control, tenant):
    """Through both doors, eight together: one user, one line, three mails; seven are told so."""
    tenant_id = tenant("racing")
    code = code_of(tenant_id)
    answers, start = [], threading.Barrier(8)

    def come(number: int) -> None:
        start.wait()
        try:
            if number % 2:
                with application(uuid.UUID(tenant_id)) as connection:
                    answers.append(connection.execute("SELECT accept_invitation(%s, 'Ada')", [code]).fetchone()["accept_invitation"])
            else:
                answers.append(accept(code, actor=BY).user_id)
        except psycopg.errors.NoDataFound:
            answers.append(None)

    threads = [threading.Thread(target=come, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (user,) = rows("users", tenant_id)
    assert len(answers) == 8
    assert set(answers) - {None} == {user["id"]}
    assert 3 <= answers.count(None) <= 4
    assert len(rows("outbox", tenant_id)) == 3
    assert len([line for line in rows("audit_log", tenant_id) if line["action"] == "invitation"]) == 1


@pytest.mark.parametrize("table", ["user_settings", "invitations", "audit_log", "outbox"])
def test_a_failure_in_the_middle_leaves_nothing(control, tenant, table):
    """Whichever of the writes fails; afterwards the same code lets in."""
    tenant_id = tenant()
    welcome.begin(tenant_id)
    code = code_of(tenant_id)
    before = everything(tenant_id)
    with transaction() as connection:
        connection.execute("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'cut off'; END$$")
        connection.execute(
            sql.SQL("CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION fail()").format(sql.Identifier(table))
        )
    try:
        with pytest.raises(psycopg.errors.RaiseException, match="cut off"):
            accept(code, actor=BY)
    finally:
        with transaction() as connection:
            connection.execute("DROP FUNCTION fail() CASCADE")
    assert everything(tenant_id) == before
    assert not accept(code, actor=BY).again


def test_each_refusal_has_its_code_and_writes_nothing(control, tenant):
    """Unknown, replaced, expired, revoked; and every state of the tenant in which nobody is let in."""
    tenant_id = tenant("refusing")
    replaced, code = code_of(tenant_id), code_of(tenant_id)
    before = everything(tenant_id)

    def unless(expected: str, change: str, back: str) -> None:
        with transaction() as connection:
            connection.execute(change, {"id": tenant_id})
        kept_so = everything(tenant_id)
        error = refused(code, expected)
        assert isinstance(error, TransientError if expected == "tenant.busy" else InputError)
        assert everything(tenant_id) == kept_so
        with transaction() as connection:
            connection.execute(back, {"id": tenant_id})

    for wrong in ("", "made-up", replaced, f"{code} ", "\0", "é", "\ud800", "x" * 5000):
        refused(wrong, "invitation.unknown")
    invitation, of_tenant = "UPDATE invitations SET {} WHERE tenant_id = %(id)s", "UPDATE tenants SET {} WHERE id = %(id)s"
    unless(
        "invitation.expired",
        invitation.format("expires_at = now() - interval '1 s'"),
        invitation.format("expires_at = now() + interval '1 day'"),
    )
    unless("invitation.revoked", invitation.format("revoked_at = now()"), invitation.format("revoked_at = NULL"))
    active = of_tenant.format("state = 'active', maintenance = NULL, ready_at = now(), deleted_at = NULL")
    unless("tenant.suspended", of_tenant.format("state = 'suspended'"), active)
    unless("tenant.offboarded", of_tenant.format("state = 'offboarding'"), active)
    unless("tenant.busy", of_tenant.format("maintenance = 'a restore'"), active)
    unless("tenant.busy", of_tenant.format("ready_at = NULL"), active)
    unless("invitation.unknown", of_tenant.format("state = 'deleted', deleted_at = now()"), active)
    assert [{**row, "expires_at": None} for row in rows("invitations", tenant_id)] == [
        {**row, "expires_at": None} for row in before["invitations"]
    ]
    assert not accept(code, actor=BY).again


def test_the_code_is_for_the_tenants_own_hosts(control, tenant):
    """Another tenant's host, nobody's, none: refused in words that name no tenant. The person goes on where he came from."""
    tenant_id, other = tenant("hosted"), tenant("hostel")
    with transaction() as connection:
        connection.execute(
            "INSERT INTO tenant_domains (host, tenant_id, kind, status) VALUES ('portal.hosted.example', %s, 'custom', 'active')",
            [tenant_id],
        )
    code = code_of(tenant_id)
    for host in (
        "hostel.tenantry.example",
        "nobody.example",
        "",
        "hosted.tenantry.example.evil.example",
        "hosted.tenantry.example\n",
        "\0",
    ):
        error = refused(code, "invitation.host", host=host)
        assert "hosted" not in error.message.replace(host.strip(), "")
        assert "\n" not in error.message
    assert rows("users", tenant_id) == rows("users", other) == []
    assert accept(code, host="Portal.Hosted.Example.", actor=BY).redirect == "https://portal.hosted.example/setup"
    assert accept(code, actor=BY).redirect == "https://hosted.tenantry.example/setup"


@pytest.mark.parametrize("name", ["", " Ada", "A" * 101, "=?utf-8?q?x?=", "Ada\r\nBcc: x@y.example", "\u202eada", "a\0b", "\ud800"])
def test_a_name_is_one_visible_line(control, tenant, name):
    refused(code_of(tenant()), "input.invalid", name=name)


@pytest.mark.parametrize(
    "profile", [{"a": "\0"}, {"\0": 1}, {"a": "\ud800"}, {"a": float("nan")}, {"a": {1}}, {"a": "x" * 20_000}, [1], "x"]
)
def test_a_profile_is_an_object_that_can_be_kept(control, tenant, profile):
    refused(code_of(tenant()), "input.invalid", profile=profile)


def test_a_suspension_that_is_under_way_is_waited_for(control, tenant):
    """Whoever comes while the tenant's state changes is judged by what it is afterwards."""
    tenant_id = tenant("meanwhile")
    code, caught = code_of(tenant_id), []

    def come() -> None:
        try:
            accept(code, actor=BY)
        except TenantryError as error:
            caught.append(error.code)

    with transaction() as connection:
        connection.execute("UPDATE tenants SET state = 'suspended' WHERE id = %s", [tenant_id])
        thread = threading.Thread(target=come)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()
    assert caught == ["tenant.suspended"]
    assert rows("users", tenant_id) == []
