"""A passkey in a real browser, with its virtual authenticator: made on a page of the service, and signed in with."""

from __future__ import annotations

import threading
import time

import pytest
import uvicorn

from local.cloud import ports
from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.operations import platform_admins
from tests.browser import driving

pytestmark = pytest.mark.service

EMAIL = "key@platform.example"

# As a page of ours would ask; what fails is said instead.
ASKING = """
const ask = async (method, path, body, csrf) => {
  const headers = {"Content-Type": "application/json", ...(csrf ? {"X-CSRF-Token": csrf} : {})}
  const answer = await fetch(path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body)})
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : null
}
"""
PRESSED = """(async () => {
  document.querySelector("button").click()
  const said = document.querySelector("p")
  while (!/signed in as|\\. /.test(said.textContent)) await new Promise(done => setTimeout(done, 20))
  return said.textContent
})()"""
MADE = f"""(async () => {{ {ASKING}
  const {{csrf}} = await ask("GET", "/v1/session")
  const {{options}} = await ask("POST", "/v1/session/passkeys/options", undefined, csrf)
  const made = await navigator.credentials.create({{publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)}})
  const kept = await ask("POST", "/v1/session/passkeys", {{credential: made.toJSON(), name: "Laptop"}}, csrf)
  await ask("DELETE", "/v1/session", undefined, csrf)
  return [kept.host, kept.name, (await fetch("/v1/session")).status]
}})()"""
SIGNED_IN = f"""(async () => {{ {ASKING}
  const {{options}} = await ask("POST", "/v1/session/passkey/options")
  const shown = await navigator.credentials.get({{publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)}})
  await ask("POST", "/v1/session/passkey", {{credential: shown.toJSON()}})
  const {{email, way, role}} = await ask("GET", "/v1/session")
  return [email, way, role]
}})()"""


@pytest.fixture
def address(service):
    """The service's at a port of its own: `localhost`, because no address can be a passkey's host."""
    with transaction() as connection:
        connection.execute("DELETE FROM rate_limits")
    port = ports.choose()
    server = uvicorn.Server(uvicorn.Config(service.client.app, host="localhost", port=port, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended at once"
        time.sleep(0.02)
    yield f"http://localhost:{port}"
    server.should_exit = True
    thread.join(10)
    platform_admins.revoke(EMAIL, actor=Actor("test"))


def test_a_browser_makes_a_passkey_and_signs_in_with_it(address):
    code = platform_admins.link(EMAIL, actor=Actor("test")).url.partition("#")[2]
    with driving.tab() as tab:
        tab.open(f"{address}/sign-in#{code}")
        tab.send("WebAuthn.enable")
        authenticator = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        added = tab.send("WebAuthn.addVirtualAuthenticator", options={**authenticator, "isUserVerified": True})["authenticatorId"]
        deadline = time.monotonic() + 20
        while tab.evaluate("document.readyState") != "complete" or "Sign in" not in tab.evaluate("document.title"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert tab.evaluate(PRESSED) == f"You are signed in as {EMAIL}."
        assert tab.evaluate(MADE) == ["localhost", "Laptop", 401]
        (kept,) = tab.send("WebAuthn.getCredentials", authenticatorId=added)["credentials"]
        assert (kept["rpId"], kept["isResidentCredential"]) == ("localhost", True)
        assert tab.evaluate(SIGNED_IN) == [EMAIL, "passkey", "platform"]
        tab.send("WebAuthn.setUserVerified", authenticatorId=added, isUserVerified=False)
        refused = f"{SIGNED_IN}.then(() => 'let in', error => error.name)"
        assert tab.evaluate(refused) == "NotAllowedError", "the authenticator does not know who it is"
    with transaction() as connection:
        (row,) = connection.execute("SELECT host, sign_count FROM passkeys WHERE name = 'Laptop' AND admin_id IS NOT NULL").fetchall()
    assert row["host"] == "localhost"
    assert row["sign_count"] >= 1
