"""People who come in by the domain of their address: proved by DNS, at the tenant's own hosts and the platform's, as members."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from uuid import uuid4

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import configuration, invitations, users
from tenantry.control.database import transaction
from tenantry.errors import InputError, TransientError
from tenantry.operations import arrivals, email_domains, invite
from tests import nameserver
from tests.service.web.conftest import ADMINS, MINE, THEIRS
from tests.service.web.test_sso import HOST, come_back, issuer, leave, log_in, provider, someone, through

pytestmark = pytest.mark.service

__all__ = ["issuer", "provider"]  # fixtures of there

TENANT, OTHER = naming.tenant_id(MINE), naming.tenant_id(THEIRS)


@pytest.fixture(scope="module")
def names():
    with nameserver.serving() as found:
        yield found


def declare(tenant, *domains):
    """As a run of the engine does, beside what the tenant has."""
    kept = configuration.read_declared(str(tenant)) or {}
    named = "[" + ", ".join(f'"{domain}"' for domain in domains) + "]"
    configuration.write_declared(str(tenant), {**kept, "sign_in.email_domains": named})


@pytest.fixture
def domain(service, names):
    """A domain that my tenant names, and DNS knows nothing of."""
    name = f"d{uuid4().hex[:8]}.example"
    declare(TENANT, name)
    yield name
    declare(TENANT)
    declare(OTHER)
    with transaction() as connection:
        connection.execute("DELETE FROM users WHERE email ~ '@d[0-9a-f]{8}[.]example$'")
        connection.execute("DELETE FROM email_domains; DELETE FROM invitations WHERE email ~ '@d[0-9a-f]{8}[.]example$'")


@contextmanager
def suspended():
    """My tenant is, for a while."""

    def put(state):
        with transaction() as connection:
            connection.execute("UPDATE tenants SET state = %s WHERE id = %s", [state, TENANT])

    put("suspended")
    try:
        yield
    finally:
        put("active")


def prove(names, slug, domain):
    (told,) = [each for each in email_domains.listed(slug) if each.domain == domain]
    names[told.record] = ["something else", told.value]
    (told,) = email_domains.check(slug, domain, actor=Actor("test"))
    return told


def test_a_domain_is_proved_by_its_record_and_is_not_when_that_is_gone(service, names, domain):
    (told,) = service.ask("GET", f"/v1/tenants/{MINE}/email-domains").json()["items"]
    assert (told["domain"], told["record"], told["verified_at"]) == (domain, f"_tenantry.{domain}", None)

    def asked(**body):
        return service.ask("POST", f"/v1/tenants/{MINE}/email-domains/check", json=body)

    (told,) = asked().json()["items"]
    assert told["problem"] == f"there is no _tenantry.{domain}"
    names[told["record"]] = ["tenantry-email=" + "0" * 32]
    assert asked(domain=domain).json()["items"][0]["problem"] == f"_tenantry.{domain} does not say {told['value']}"
    names[told["record"]] = ["v=spf1 -all", told["value"]]
    (proved,) = asked(domain=domain).json()["items"]
    assert proved["verified_at"]
    assert proved["problem"] is None
    names[told["record"]] = None
    with pytest.raises(TransientError):
        email_domains.check(MINE, domain, actor=Actor("test"))
    assert email_domains.listed(MINE)[0].verified_at, "a server that fails proves nothing"
    del names[told["record"]]
    with transaction() as connection:
        connection.execute("UPDATE email_domains SET checked_at = now() - interval '21 hours'")
    assert email_domains.recheck(None) == "1 not any more"
    assert email_domains.listed(MINE)[0].verified_at is None
    assert asked(domain="else.example").json()["code"] == "email.unknown"
    with transaction() as connection:
        rows = connection.execute(
            "SELECT actor, outcome FROM audit_log WHERE tenant_id = %s AND action = 'e-mail domain' ORDER BY id DESC LIMIT 2", [TENANT]
        ).fetchall()
    assert [row["outcome"] for row in rows] == ["not proved any more", "proved"]
    assert rows[0]["actor"] == "schedule"


def test_the_first_log_in_makes_a_member_with_all_that_on_boarding_gives(service, issuer, names, domain):
    prove(names, MINE, domain)
    email, sub = f"New.One@{domain}", uuid4().hex
    assert through(service, issuer, sub, email=email).json()["code"] == "sso.unknown", "the provider has not verified it"
    found = someone(through(service, issuer, sub, email=email.upper(), email_verified=True, name="Nia New", role="admin"), service)
    assert (found["email"], found["role"], found["tenant"]) == (f"NEW.ONE@{domain}", "member", MINE)
    again = someone(through(service, issuer, sub, email="x@else.example", email_verified=True), service)
    assert again["person"] == found["person"]
    with transaction() as connection:
        person = connection.execute("SELECT name, role, profile FROM users WHERE id = %s", [found["person"]]).fetchone()
        settings = connection.execute("SELECT count(*) AS n FROM user_settings WHERE user_id = %s", [found["person"]]).fetchone()
        mail = connection.execute("SELECT kind, parameters FROM outbox WHERE key = %s", [f"welcome:{found['person']}:arrived"]).fetchone()
        line = connection.execute("SELECT actor, outcome FROM audit_log WHERE outcome LIKE %s", [f"{found['person']} came in%"]).fetchone()
    assert (person["name"], person["role"], person["profile"]) == ("Nia New", "member", {})
    assert settings["n"] == 3
    assert (mail["kind"], mail["parameters"]["user_name"]) == ("welcome", "Nia New")
    assert mail["parameters"]["tour_url"].endswith("/tour")
    assert line["actor"] == "whoever has the address"


def test_who_does_not_come_in_is_told_why(service, issuer, names, domain):
    """Not proved yet, proved by another tenant, below a domain, suspended, full: each its own answer, and nobody is made."""

    def answer(email, host=HOST):
        found = through(service, issuer, uuid4().hex, host, email=email, email_verified=True)
        return found.status_code, found.json()["code"]

    assert answer(f"a@{domain}") == (403, "email.unverified")
    prove(names, MINE, domain)
    assert answer(f"a@{domain}", f"{THEIRS}.x.example") == (403, "email.foreign")
    assert answer(f"a@sub.{domain}") == (403, "sso.unknown")
    assert answer("a@gmail.com") == (403, "sso.unknown")
    where, flow = leave(service)
    back = log_in(issuer, where, uuid4().hex, email=f"a@{domain}", email_verified=True)
    with suspended():
        assert come_back(service, back, flow).json()["code"] == "tenant.suspended"
        assert answer(f"a@{domain}", ADMINS)[1] == "tenant.suspended"
    with transaction() as connection:
        connection.execute(
            "INSERT INTO tenant_configurations (tenant_id, config_key, config_value, source, updated_by)"
            " VALUES (%s, 'limits.users', '0', 'runtime', 'test')",
            [TENANT],
        )
    assert answer(f"a@{domain}")[1] == "limit.users"
    with transaction() as connection:
        connection.execute("DELETE FROM tenant_configurations WHERE tenant_id = %s AND config_key = 'limits.users'", [TENANT])
        assert not connection.execute("SELECT FROM users WHERE email LIKE %s", [f"%{domain}"]).fetchall()


def test_at_the_platform_s_address_one_is_led_to_the_tenant(service, issuer, names, domain, monkeypatch):
    prove(names, MINE, domain)
    email, sub = f"p@{domain}", uuid4().hex
    answer = through(service, issuer, sub, ADMINS, email=email, email_verified=True)
    where, _, code = answer.headers["location"].partition("#")
    assert (answer.status_code, where) == (302, f"https://{HOST}/sign-in")
    assert "__Host-tenantry=" not in answer.headers["set-cookie"], "nobody is signed in at the platform"
    assert service.client.post("/v1/session", json={"link": code}, headers={"Host": ADMINS}).json()["code"] == "link.unknown"
    where, code = through(service, issuer, sub, ADMINS, email=email, email_verified=True).headers["location"].split("#")
    signed = service.client.post("/v1/session", json={"link": code}, headers={"Host": HOST})
    service.client.cookies.clear()
    assert (signed.json()["email"], signed.json()["role"], signed.json()["tenant"]) == (email, "member", MINE)
    unknown = through(service, issuer, uuid4().hex, ADMINS, email="a@else.example", email_verified=True)
    assert unknown.json()["code"] == "sso.unknown"
    where, flow = leave(service, ADMINS)
    back = log_in(issuer, where, sub, email=email, email_verified=True)
    monkeypatch.setenv("TENANTRY_OIDC_FOR", "platform")
    assert come_back(service, back, flow, ADMINS).json()["code"] == "sso.unknown", "the provider is for administrators alone"


def test_of_two_tenants_the_first_that_proves_it_has_it_until_its_file_says_otherwise(service, names, domain):
    prove(names, MINE, domain)
    declare(OTHER, domain)  # which no validated file would
    told = prove(names, THEIRS, domain)
    assert (told.verified_at, told.problem) == (None, "it is another tenant's")
    declare(TENANT)
    assert prove(names, THEIRS, domain).verified_at
    with transaction() as connection:
        assert arrivals.standing(connection, f"a@{domain}", TENANT).proved == OTHER
    assert email_domains.listed(MINE) == []


def test_of_many_first_log_ins_at_once_one_makes_the_user(service, names, domain):
    prove(names, MINE, domain)
    made, failed = [], []

    def come():
        try:
            with transaction() as connection:
                made.append(arrivals.enter(connection, users.at(connection, HOST), f"t@{domain}", None, "test"))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len([each for each in made if each]) == 1


def test_an_invitation_goes_before_the_domain(service, issuer, names, domain):
    """Also as an administrator; one that has expired does not stand in the way, and makes nobody an administrator."""
    prove(names, MINE, domain)
    for email in (f"boss@{domain}", f"late@{domain}"):
        invite.invite(MINE, email, "Bo", "admin", Actor("test"))
    with transaction() as connection:
        connection.execute("UPDATE invitations SET expires_at = now() WHERE email = %s", [f"late@{domain}"])
    roles = [
        someone(through(service, issuer, uuid4().hex, email=email, email_verified=True), service)["role"]
        for email in (f"boss@{domain}", f"late@{domain}")
    ]
    assert roles == ["admin", "member"]


def sign_up(service, email, host=HOST, **more):
    answer = service.client.post("/v1/session/sign-up", json={"email": email, **more}, headers={"Host": host})
    return answer.status_code, answer.json()


def mails(email):
    with transaction() as connection:
        rows = connection.execute("SELECT kind FROM outbox WHERE lower(recipient) = lower(%s) AND kind = 'invitation'", [email])
        return len(rows.fetchall())


@pytest.fixture
def passwords(monkeypatch):
    monkeypatch.setenv("TENANTRY_OIDC_FOR", "platform")


def test_whoever_has_the_address_signs_up_by_mail_and_everybody_is_answered_alike(service, names, domain, passwords):
    new, invited, member = (f"{word}.{uuid4().hex[:6]}@{domain}" for word in ("new", "invited", "member"))
    same = (202, {"sent_to_whoever_may_come_in": True})
    assert sign_up(service, new) == same
    assert mails(new) == 0, "the domain is not proved"
    prove(names, MINE, domain)
    invite.invite(MINE, invited, "Ivo", "admin", Actor("test"))
    with transaction() as connection:
        connection.execute("INSERT INTO users (tenant_id, email, name, role) VALUES (%s, %s, 'M', 'member')", [TENANT, member])
    for email, host in ((new, f"{THEIRS}.x.example"), (new, "nobody.example"), (invited, HOST), (member, HOST), ("no address", HOST)):
        assert sign_up(service, email, host) == same
        assert mails(email) == 0
    assert sign_up(service, new.upper(), name="Nia") == same
    assert mails(new) == 1
    (entry,) = [each for each in invite.listed(MINE) if each.email.lower() == new]
    assert (entry.role, entry.state, entry.invited_by) == ("member", "open", "the domain of the address")
    with transaction() as connection:
        token = invitations.issue(connection, TENANT, entry.id)  # as the mail has it
    body = {"invitation": token, "password": "a long enough password"}
    begun = service.client.post("/v1/session", json=body, headers={"Host": HOST})
    service.client.cookies.clear()
    assert (begun.status_code, begun.json()["role"], begun.json()["email"].lower()) == (201, "member", new)
    roles = {each.email: each.role for each in invite.listed(MINE)}
    assert roles[invited] == "admin", "what an administrator has written stands"


def test_who_signs_up_too_often_waits_and_where_there_is_single_sign_on_nobody_does(service, names, domain, monkeypatch):
    assert sign_up(service, f"a@{domain}")[1]["code"] == "password.none"
    monkeypatch.setenv("TENANTRY_OIDC_FOR", "platform")
    prove(names, MINE, domain)
    found = [sign_up(service, f"Often@{domain}")[0] for _ in range(4)]
    assert found == [202, 202, 202, 429]
    assert mails(f"often@{domain}") == 3
    evil = service.client.post(
        "/v1/session/sign-up", json={"email": f"b@{domain}"}, headers={"Host": HOST, "Origin": "https://evil.example"}
    )
    assert evil.json()["code"] == "request.foreign"
    with suspended():
        assert sign_up(service, f"c@{domain}")[1]["code"] == "tenant.suspended"


def test_a_domain_that_is_not_there_cannot_be_asked_for(service):
    with pytest.raises(InputError):
        email_domains.listed("web-nobody")
