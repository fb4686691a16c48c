"""A service that is down, slow, refusing or half-answering: a clear error that names it, and the next `up` finishes the rest."""

from __future__ import annotations

import json
import re

import httpx
import pytest

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def platform(empty_sandbox):
    """With a passphrase: where AWS refuses, the states' key must not be what it refuses first."""
    sandbox = empty_sandbox
    sandbox.declare("steady", isolation="rls")
    sandbox.up()
    return sandbox


def failed(platform, *words, **environment):
    """`up` with a broken environment: exit 1, the words, no traceback."""
    done = platform.tenantry("up", "--stack", "shared", check=False, **environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for word in words:
        assert re.search(word, done.stderr), f"{word!r} not in {done.stderr}"


def fault(platform, server, **wanted):
    """Orders a fault from a server of the local cloud."""
    env = platform.environment
    base = env["CLOUDFLARE_BASE_URL"].removesuffix("/client/v4") if server == "cloudflare" else env["AWS_ENDPOINT_URL"]
    httpx.post(f"{base}/_faults", json=wanted).raise_for_status()


def test_postgresql_is_down(platform):
    """No server at the address: the address is named, and nothing was begun."""
    failed(platform, r"PostgreSQL at 127.0.0.1:1, .*refused", PGPORT="1")


def test_postgresql_refuses_the_password(platform):
    """A wrong password is said to be that."""
    failed(platform, r"password authentication failed", PGPASSWORD="wrong")


@pytest.mark.parametrize(
    ("slug", "environment", "words"),
    [
        ("no-s3", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, ("no-s3-storage-", "127.0.0.1:1|onnect")),
        ("bad-key", {"AWS_SECRET_ACCESS_KEY": "wrong"}, ("bad-key-storage-", "SignatureDoesNotMatch|signature")),
        ("no-dns", {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:1/client/v4"}, ("no-dns-domain-www.no-dns.example", "127.0.0.1:1|onnect")),
        ("bad-token", {"CLOUDFLARE_API_TOKEN": "x" * 40}, ("bad-token-domain-www.bad-token.example", "refused the API token|[Aa]uthenti")),
    ],
)
def test_a_service_is_away_or_refuses(platform, slug, environment, words):
    """The resource that failed is named with its cause; the same command with the service back finishes it."""
    platform.declare(slug, isolation="rls", domains=[f"www.{slug}.example"])
    failed(platform, *words, **environment)
    assert platform.up("--stack", "shared")["shared"]["create"] >= 1
    assert platform.up("--stack", "shared") == {"shared": {}}


@pytest.mark.parametrize("status", [429, 503])
def test_a_passing_fault_is_ridden_out(platform, status):
    """Two refusals in a row for load or maintenance are tried again, not reported."""
    slug = f"busy-{status}"
    platform.declare(slug, isolation="rls", domains=[f"www.{slug}.example"])
    fault(platform, "cloudflare", status=status, count=2, method="POST", path="custom_hostnames")
    fault(platform, "aws", status=503, count=2, method="PUT")
    assert platform.up("--stack", "shared")["shared"]["create"] > 5


def test_a_lasting_fault_is_reported_and_finished_later(platform):
    """A service that answers 500 for good is named; nothing half-made stays in the way."""
    platform.declare("lasting", isolation="schema", domains=["www.lasting.example"])
    fault(platform, "cloudflare", status=500, count=1000, path="custom_hostnames")
    failed(platform, "lasting-domain-www.lasting.example", "500")
    env = platform.environment
    httpx.delete(f"{env['CLOUDFLARE_BASE_URL'].removesuffix('/client/v4')}/_faults")
    platform.up("--stack", "shared")
    assert platform.up("--stack", "shared") == {"shared": {}}


def test_doctor_names_what_is_missing(platform):
    """`tenantry doctor` is all well here, and with a broken address names exactly that service."""
    assert platform.tenantry("doctor").returncode == 0
    done = platform.tenantry("doctor", "--json", check=False, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert done.returncode == 1
    assert [check["check"] for check in json.loads(done.stdout) if not check["ok"]] == ["AWS"]
