"""STARTTLS, TLS from the start, and the login: with a real server and a certificate of the test's own."""

from __future__ import annotations

import ssl
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography.x509 import IPAddress

from tenantry.operations import mailing
from tests.certificates import certificate
from tests.service.mail.running import free_port, queue, row_of

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore:Requiring AUTH")]


class Box:
    """Keeps who sent what arrives. The server takes nothing in plain: it insists on STARTTLS, or speaks TLS from the start."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, server, session, envelope) -> str:
        self.taken.append(envelope.mail_from)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"tenantry", b"right horse"), handled=False)


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """A key and a certificate for 127.0.0.1 that nobody knows."""
    return certificate(tmp_path_factory.mktemp("tls"), IPAddress(ip_address("127.0.0.1")))


@pytest.fixture(params=["starttls", "tls"])
def server(request, control, pem, monkeypatch):
    """A server that takes mail only encrypted and after a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    how = {"tls_context": context, "require_starttls": True} if request.param == "starttls" else {"ssl_context": context}
    box = Box()
    controller = Controller(
        box, hostname="127.0.0.1", port=(port := free_port()), authenticator=authenticate, auth_required=True,
        auth_require_tls=request.param == "starttls", **how,
    )  # fmt: skip
    controller.start()
    variables = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(port),
        "SMTP_TLS": request.param,
        "SMTP_USER": "tenantry",
        "SMTP_PASSWORD": "right horse",
        "SMTP_FROM": "desk@mail.example",
        "SSL_CERT_FILE": str(pem),
    }
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    yield box
    controller.stop(no_assert=True)


def test_mail_goes_encrypted_and_logged_in(server, tenant):
    """The bounces' address is in the sender's domain, where its SPF record counts."""
    mail_id = queue(tenant(), "e")
    assert mailing.deliver([mail_id]).sent == 1
    assert server.taken == [f"bounces+{mail_id.hex}@mail.example"]


def test_a_wrong_password_defers_and_is_not_shown(server, tenant, monkeypatch):
    monkeypatch.setenv("SMTP_PASSWORD", "wrong horse")
    mail_id = queue(tenant(), "e")
    assert mailing.deliver([mail_id]).deferred == 1
    assert "535" in row_of(mail_id)["cause"]
    assert "horse" not in str(row_of(mail_id))


def test_a_certificate_that_nobody_knows_gets_no_password(server, tenant, monkeypatch):
    """The connection ends at the certificate: neither login nor mail."""
    monkeypatch.delenv("SSL_CERT_FILE")
    mail_id = queue(tenant(), "e")
    assert mailing.deliver([mail_id]).deferred == 1
    assert "certificate" in row_of(mail_id)["cause"].lower()
    assert server.taken == []
