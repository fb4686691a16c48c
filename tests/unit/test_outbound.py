"""Requests to addresses that others choose: to public ones alone, to the very address that was looked at, and never for long."""

from __future__ import annotations

import ssl
import time

import pytest
from cryptography.x509 import DNSName

from tenantry.clients import outbound
from tenantry.clients.outbound import Outcome, checked_url, is_public, post
from tenantry.errors import InputError
from tests.certificates import certificate
from tests.receiver import Receiver, drip, hang

NAME = "hooks.globex.example"

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "169.254.170.2", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b:1::1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::", "3fff::1", "4000::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_told(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_what_is_public_is_told(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.globex.example/", "ftp://hooks.globex.example/", "hooks.globex.example", "https://", "https:///x", "https://localhost/",
        "https://intranet/", "https://user:secret@hooks.globex.example/", "https://hooks.globex.example/#x", "https://hooks.globex.example:0/",
        "https://hooks.globex.example:99999/", "https://hooks.globex.example:x/", "https://127.0.0.1/", "https://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest/meta-data/", "https://hooks.globex.example/\n", "https://höoks.example/",
        "https://hooks.globex.example\\@127.0.0.1/", "https://hooks.globex.example/ x", "https://hooks.globex.example/" + "x" * 500,
        "https://[fe80::1%25eth0]/", "http://127.0.0.1:8080/", "http://[::1]/", "file:///etc/passwd", "https://[",
    ],
)  # fmt: skip
def test_an_address_that_could_never_be_asked_is_refused(url):
    with pytest.raises(InputError):
        checked_url(url)


def test_local_addresses_are_for_developers_who_say_so(monkeypatch):
    assert checked_url("https://hooks.globex.example:8443/a?b=c") == "https://hooks.globex.example:8443/a?b=c"
    with Receiver() as receiver:
        assert post(receiver.url, {}, b"{}").status is None
        assert receiver.requests == []
        monkeypatch.setenv(outbound.LOCAL, "1")
        assert post(receiver.url, {}, b"{}") == Outcome(200)
        for url in (f"http://localhost:{receiver.port}/", f"http://127.0.0.2:{receiver.port}/", f"https://127.0.0.1:{receiver.port}/"):
            with pytest.raises(InputError):
                checked_url(url)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("host", [NAME, "2130706433.example", "0x7f.1"])
@pytest.mark.parametrize("found", [["10.0.0.1"], ["::1"], ["8.8.8.8", "169.254.169.254"], ["::ffff:127.0.0.1"], []])
def test_a_name_that_leads_to_a_private_address_is_not_dialled(host, found, monkeypatch):
    """Also where only one of several addresses is private."""
    monkeypatch.setattr("socket.create_connection", lambda *_, **__: pytest.fail("dialled"))
    outcome = post(f"https://{host}/", {}, b"{}", resolve=lambda name, port: found)
    assert outcome.status is None
    assert "address" in outcome.cause
    assert not any(address in outcome.cause for address in found), "nobody learns from us what a name means in here"


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"), DNSName(NAME))


@pytest.fixture
def trust(pem):
    return ssl.create_default_context(cafile=str(pem))


def to(receiver, trust, **more):
    """A request to the name, which leads to the receiver; 127.0.0.1 stands for a public address."""
    wanted = {"resolve": lambda host, port: ["127.0.0.1"], "allowed": "127.0.0.1".__eq__, "trust": trust, **more}
    return post(f"https://{NAME}:{receiver.port}/hooks", {"x-said": "1"}, b'{"a":1}', **wanted)


def test_the_address_that_was_looked_at_is_the_one_that_is_dialled(pem, trust):
    """A name that answers otherwise the second time is asked once; TLS and Host have the name."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.3"]])
    with Receiver(certificate=pem) as receiver:
        assert to(receiver, trust, resolve=lambda host, port: next(answers)) == Outcome(200)
    assert next(answers) == ["127.0.0.2"], "it was asked once"
    assert receiver.names == [NAME]
    (request,) = receiver.requests
    assert (request.headers["host"], request.headers["x-said"], request.body) == (f"{NAME}:{receiver.port}", "1", '{"a":1}')


def test_the_next_address_is_tried_where_nobody_answers(pem, trust):
    with Receiver(certificate=pem) as receiver:
        assert to(receiver, trust, resolve=lambda *_: ["127.0.0.9", "127.0.0.1"], allowed=lambda _: True) == Outcome(200)


def test_a_proxy_of_the_environment_is_not_asked(pem, trust, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Receiver(certificate=pem) as receiver:
        assert to(receiver, trust) == Outcome(200)


def test_a_certificate_that_is_not_the_names_is_refused(pem, tmp_path):
    others = certificate(tmp_path, DNSName("other.example"))
    with Receiver(certificate=others) as receiver:
        for trust in (ssl.create_default_context(cafile=str(others)), ssl.create_default_context(cafile=str(pem))):
            assert to(receiver, trust) == Outcome(None, "its certificate is not valid")
    assert receiver.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(pem, trust, status):
    def redirect(request, handler):
        handler.send_response(status)
        handler.send_header("Location", f"https://{NAME}:{receiver.port}/elsewhere")
        handler.end_headers()

    with Receiver(redirect, certificate=pem) as receiver:
        assert to(receiver, trust) == Outcome(status, f"it answered {status}, and redirects are not followed")
    assert [request.path for request in receiver.requests] == ["/hooks"]


@pytest.mark.parametrize("answer", [hang, drip])
def test_an_answer_has_its_time_as_a_whole(pem, trust, answer):
    with Receiver(answer, certificate=pem) as receiver:
        begun = time.monotonic()
        assert to(receiver, trust, total=0.7) == Outcome(None, "it did not answer within 0.7 seconds")
        assert time.monotonic() - begun < 3


def test_of_a_body_no_more_is_read_than_is_needed(pem, trust):
    sent = []

    def endless(request, handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while len(sent) < 10_000:
            handler.wfile.write(b"x" * 65536)
            sent.append(1)

    with Receiver(endless, certificate=pem) as receiver:
        assert to(receiver, trust) == Outcome(200)
    assert len(sent) < 1000


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"SSH-2.0-x\r\n", "its answer was no HTTP"),
        (b"", "its answer was no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "no HTTP"),
    ],
)
def test_what_is_no_answer_is_no_error_of_ours(pem, trust, said, cause):
    with Receiver(lambda request, handler: handler.wfile.write(said) and None, certificate=pem) as receiver:
        outcome = to(receiver, trust, total=3)
    assert outcome.status is None
    assert cause in outcome.cause


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("0", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("", None), ("-1", None), ("1.5", None), ("soon", None), ("\u0663", None),
     ("9" * 400, 999_999_999), ("Wed, 99 Oct 2015 07:28:00 GMT", None), ("Wed, 21 Oct 2015 07:28:00", None)],
)  # fmt: skip
def test_when_to_ask_again_is_read_as_http_has_it_or_not_at_all(said, seconds):
    assert outbound._retry_after([(b"Retry-After", said.encode("utf-8"))]) == seconds
    assert outbound._retry_after([]) is None
