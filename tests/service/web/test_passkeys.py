"""Passkeys, with an authenticator of software: it signs as a real one does, and as none should."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from uuid import uuid4

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tenantry import naming
from tenantry.control.database import transaction
from tests.service.web.conftest import MINE, THEIRS, Browser, user

pytestmark = pytest.mark.service

HOST = f"{MINE}.x.example"
PRESENT, VERIFIED, ATTESTED = 1, 4, 64


def encoded(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One key for one host."""

    host: str = HOST
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: uuid4().bytes)
    count: int = 0

    def _said(self, kind, challenge, origin):
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin or f"https://{self.host}", "crossOrigin": False}).encode()

    def _data(self, flags):
        self.count += 1
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def create(self, options, *, origin=None, flags=PRESENT | VERIFIED):
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        data = self._data(flags | ATTESTED) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = self._said("webauthn.create", options["challenge"], origin)
        return self._credential({"clientDataJSON": encoded(said), "attestationObject": encoded(attestation)})

    def get(self, options, *, origin=None, flags=PRESENT | VERIFIED):
        data, said = self._data(flags), self._said("webauthn.get", options["challenge"], origin)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential({"clientDataJSON": encoded(said), "authenticatorData": encoded(data), "signature": encoded(signature)})

    def _credential(self, response):
        return {"id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key", "response": response, "clientExtensionResults": {}}


def options(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["options"], re.search(r"__Host-tenantry-passkey=([^;]+);", answer.headers["set-cookie"])[1]


def make(browser, authenticator, credential=None):
    asked, secret = options(browser.ask("POST", "/v1/session/passkeys/options"))
    cookies = {"Cookie": f"__Host-tenantry={browser.secret}; __Host-tenantry-passkey={secret}"}
    body = {"credential": authenticator.create(asked) if credential is None else credential, "name": "Laptop"}
    return browser.ask("POST", "/v1/session/passkeys", json=body, headers=cookies)


def ask(service, host=HOST):
    answer = service.client.post("/v1/session/passkey/options", headers={"Host": host})
    service.client.cookies.clear()
    return options(answer)


def sign_in(service, credential, secret, host=HOST):
    headers = {"Host": host, "Cookie": f"__Host-tenantry-passkey={secret}"}
    answer = service.client.post("/v1/session/passkey", json={"credential": credential}, headers=headers)
    service.client.cookies.clear()
    return answer


@pytest.fixture
def bea(service):
    with transaction() as connection:
        connection.execute("DELETE FROM rate_limits")
    return user(service, MINE, "admin", f"p{uuid4().hex[:6]}@acme.example")


@pytest.fixture
def key(service, bea):
    authenticator = Authenticator()
    answer = make(bea, authenticator)
    service.client.cookies.clear()
    assert answer.status_code == 201, answer.text
    return authenticator


def test_a_passkey_signs_its_person_in(service, bea, key):
    asked, secret = ask(service)
    assert (asked["rpId"], asked["userVerification"], asked.get("allowCredentials", [])) == (HOST, "required", [])
    answer = sign_in(service, key.get(asked), secret)
    assert (answer.status_code, answer.json()["way"]) == (201, "passkey"), answer.text
    assert answer.json()["person"] == bea.ask("GET", "/v1/session").json()["person"]
    entered = Browser(service.client, HOST, re.search(r"__Host-tenantry=([^;]+);", answer.headers["set-cookie"])[1], answer.json()["csrf"])
    (told,) = entered.ask("GET", "/v1/session/passkeys").json()
    assert (told["id"], told["host"], told["name"]) == (key.id.hex(), HOST, "Laptop")
    other = user(service, MINE, "admin", "other@acme.example")
    assert other.ask("DELETE", f"/v1/session/passkeys/{told['id']}").status_code == 404
    assert entered.ask("DELETE", f"/v1/session/passkeys/{told['id']}").status_code == 204
    asked, secret = ask(service)
    assert sign_in(service, key.get(asked), secret).status_code == 403


def test_what_was_not_signed_for_this_question_lets_nobody_in(service, key):
    """Another question, twice the same, another site, another host, nobody there, another's key, a copy of the authenticator."""
    (asked, secret), (other, _) = ask(service), ask(service)
    refused = [
        sign_in(service, key.get(other), secret),  # and the question is used up
        sign_in(service, key.get(asked), secret),
        sign_in(service, key.get(asked), ""),
    ]
    for credential in (
        lambda asked: key.get(asked, origin="https://evil.example"),
        lambda asked: key.get(asked, origin=f"http://{HOST}"),
        lambda asked: key.get(asked, flags=PRESENT),
        lambda asked: Authenticator(id=key.id, count=99).get(asked),
        lambda asked: Authenticator().get(asked),
        lambda asked: Authenticator(id=key.id, key=key.key, host=f"{THEIRS}.x.example", count=99).get(asked),
        lambda asked: Authenticator(id=key.id, key=key.key, count=-1).get(asked),
        lambda asked: {**key.get(asked), "response": {}},
        lambda asked: {},
    ):
        asked, secret = ask(service)
        refused.append(sign_in(service, credential(asked), secret))
    asked, secret = ask(service, f"{THEIRS}.x.example")
    refused.append(
        sign_in(
            service, Authenticator(id=key.id, key=key.key, host=f"{THEIRS}.x.example", count=99).get(asked), secret, f"{THEIRS}.x.example"
        )
    )
    assert [(answer.status_code, answer.json().get("code")) for answer in refused] == [(403, "passkey.refused")] * len(refused)
    asked, secret = ask(service)
    good = key.get(asked)
    assert sign_in(service, good, secret).status_code == 201
    assert sign_in(service, good, secret).status_code == 403, "once"


def test_what_an_authenticator_did_not_make_for_this_question_is_not_kept(service, bea):
    authenticator = Authenticator()
    asked, _ = options(bea.ask("POST", "/v1/session/passkeys/options"))
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert urlsafe_b64decode(asked["user"]["id"] + "==")
    for credential in (
        authenticator.create(asked),  # of the question before
        {},
        {"id": "x"},
    ):
        answer = make(bea, authenticator, credential)
        assert (answer.status_code, answer.json().get("code")) == (403, "passkey.refused"), credential
    for more in ({"origin": "https://evil.example"}, {"flags": PRESENT}):
        asked, secret = options(bea.ask("POST", "/v1/session/passkeys/options"))
        cookies = {"Cookie": f"__Host-tenantry={bea.secret}; __Host-tenantry-passkey={secret}"}
        body = {"credential": authenticator.create(asked, **more), "name": "x"}
        assert bea.ask("POST", "/v1/session/passkeys", json=body, headers=cookies).status_code == 403
    signing = ask(service)[1]
    cookies = {"Cookie": f"__Host-tenantry={bea.secret}; __Host-tenantry-passkey={signing}"}
    body = {"credential": authenticator.create(asked), "name": "x"}
    assert bea.ask("POST", "/v1/session/passkeys", json=body, headers=cookies).status_code == 403, "a question to sign in makes none"
    back = service.client.get("/v1/session/oidc/callback", headers={"Host": HOST, "Cookie": f"__Host-tenantry-sso={ask(service)[1]}"})
    assert back.status_code == 404


def test_who_signed_in_long_ago_makes_none_and_who_is_gone_has_none(service, bea, key):
    with transaction() as connection:
        connection.execute("UPDATE sessions SET signed_in_at = now() - interval '11 minutes'")
    for method, path in (("POST", "/v1/session/passkeys/options"), ("DELETE", f"/v1/session/passkeys/{key.id.hex()}")):
        assert bea.ask(method, path).json()["code"] == "session.stale"
    with transaction() as connection:
        connection.execute("DELETE FROM users WHERE tenant_id = %s AND email ~ '^p'", [naming.tenant_id(MINE)])
        assert connection.execute("SELECT FROM passkeys WHERE id = %s", [key.id]).fetchall() == []
    asked, secret = ask(service)
    assert sign_in(service, key.get(asked), secret).status_code == 403
