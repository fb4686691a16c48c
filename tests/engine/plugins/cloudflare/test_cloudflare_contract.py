"""What the official pulumi-cloudflare 6.23.1 promises of its types, kept by the stand-in."""

from __future__ import annotations

from typing import Any

import grpc
import httpx
import pytest

from tests.engine.plugins.driver import Driver
from tests.service.cloudflare.running import DOMAIN, ZONE

RECORD, HOSTNAME, ORIGIN = (
    "cloudflare:index/dnsRecord:DnsRecord",
    "cloudflare:index/customHostname:CustomHostname",
    "cloudflare:index/customHostnameFallbackOrigin:CustomHostnameFallbackOrigin",
)
SSL = {"method": "http", "type": "dv", "bundleMethod": "ubiquitous"}
CASES: dict[str, dict[str, Any]] = {
    RECORD: {
        "zoneId": ZONE,
        "name": f"acme.{DOMAIN}",
        "type": "CNAME",
        "content": f"edge.{DOMAIN}",
        "ttl": 1,
        "proxied": True,
        "comment": "m",
    },
    HOSTNAME: {"zoneId": ZONE, "hostname": "portal.acme.example", "ssl": SSL},
    ORIGIN: {"zoneId": ZONE, "origin": f"edge.{DOMAIN}"},
}
REQUIRED = {RECORD: {"zoneId", "name", "type", "ttl"}, HOSTNAME: {"zoneId", "hostname"}, ORIGIN: {"zoneId", "origin"}}
UPDATES = {
    RECORD: {"content": "other.example", "comment": "n", "proxied": False, "ttl": 300, "name": f"beta.{DOMAIN}", "tags": ["a:b"]},
    HOSTNAME: {"ssl": {"method": "txt", "type": "dv"}, "customOriginServer": f"own.{DOMAIN}", "customMetadata": {"Some_Key": "x"}},
    ORIGIN: {"origin": f"other.{DOMAIN}"},
}
REPLACES = {
    RECORD: {"zoneId": "f" * 32, "type": "TXT"},
    HOSTNAME: {"zoneId": "f" * 32, "hostname": "other.example"},
    ORIGIN: {"zoneId": "f" * 32},
}
PATHS = {RECORD: "/dns_records/{}", HOSTNAME: "/custom_hostnames/{}", ORIGIN: "/custom_hostnames/fallback_origin"}
OUTPUTS = {
    RECORD: {"createdOn", "modifiedOn", "proxiable", "meta", "settings", "tags"},
    HOSTNAME: {"createdAt", "status", "verificationErrors", "ownershipVerification", "ownershipVerificationHttp"},
    ORIGIN: {"createdAt", "updatedAt", "status", "errors"},
}
TOKENS = pytest.mark.parametrize("token", list(CASES))


@TOKENS
def test_required_inputs(driver: Driver, token: str) -> None:
    """Exactly the inputs that the schema requires are missed."""
    _, failures, _ = driver.check(token, {})
    assert set(failures) == REQUIRED[token]


@TOKENS
def test_created_with_its_id_and_outputs(driver: Driver, api: httpx.Client, token: str) -> None:
    """A creation is seen in the API, under the API's own id (a fallback origin's is its zone's), and reports every output."""
    made = driver.create(token, CASES[token])
    found = api.get(PATHS[token].format(made.id)).json()["result"]
    assert made.id == found.get("id", ZONE)
    assert set(made.outputs) >= OUTPUTS[token] | set(CASES[token])
    assert not driver.diff(made, CASES[token]).changes


@TOKENS
def test_replacing_changes(driver: Driver, api: httpx.Client, token: str) -> None:
    """Exactly the fields that the official provider marks replace."""
    made = driver.create(token, CASES[token])
    for name, value in REPLACES[token].items():
        difference = driver.diff(made, CASES[token] | {name: value})
        assert (difference.changes, difference.replaces) == ({name}, {name})
    for name, value in UPDATES[token].items():
        changes = CASES[token] | {name: value} | ({"proxied": False} if name == "ttl" else {})
        assert name in driver.diff(made, changes).changes
        assert not driver.diff(made, changes).replaces


@TOKENS
def test_updated_in_place(driver: Driver, api: httpx.Client, token: str) -> None:
    """An update keeps the id, arrives at the API and leaves nothing to do."""
    made = driver.create(token, CASES[token])
    wanted = CASES[token] | UPDATES[token]
    changed = driver.update(made, wanted)
    assert changed.id == made.id
    assert not driver.diff(changed, wanted).changes
    refreshed = driver.refresh(changed)
    assert refreshed is not None
    assert not driver.diff(refreshed, _with_what_is_ignored(token, wanted)).changes
    back = driver.update(refreshed, CASES[token])
    assert not driver.diff(back, CASES[token]).changes


def _with_what_is_ignored(token: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """As the engine gives inputs after a refresh where `ssl.wildcard` and `ssl.settings` are ignored."""
    return wanted | {"ssl": {**wanted["ssl"], "wildcard": False, "settings": {}}} if token == HOSTNAME else wanted


def test_what_cloudflare_fills_in_is_a_change_after_a_refresh(driver: Driver) -> None:
    """Optional, not computed: a program that neither gives nor ignores them comes to no rest, as with the official plugin."""
    made = driver.create(HOSTNAME, CASES[HOSTNAME])
    assert not driver.diff(made, CASES[HOSTNAME]).changes
    refreshed = driver.refresh(made)
    assert refreshed is not None
    assert driver.diff(refreshed, CASES[HOSTNAME]).changes == {"ssl"}
    assert not driver.diff(refreshed, _with_what_is_ignored(HOSTNAME, CASES[HOSTNAME])).changes


@TOKENS
def test_gone_is_seen_and_deleting_it_again_is_fine(driver: Driver, api: httpx.Client, token: str) -> None:
    """What somebody else deleted is gone after a refresh, and deleting it fails, as the official plugin has it."""
    made = driver.create(token, CASES[token])
    assert api.delete(PATHS[token].format(made.id)).status_code == 200
    assert driver.refresh(made) is None
    with pytest.raises(grpc.RpcError, match="404 Not Found"):
        driver.delete(made)


@TOKENS
def test_deleted(driver: Driver, api: httpx.Client, token: str) -> None:
    """A deletion is seen in the API."""
    made = driver.create(token, CASES[token])
    driver.delete(made)
    assert api.get(PATHS[token].format(made.id)).status_code == 404


@TOKENS
def test_adopted_by_its_documented_import_id(driver: Driver, api: httpx.Client, token: str) -> None:
    """An import by `<zone>/<id>` gives the same state as the creation did and inputs that the program agrees with."""
    made = driver.create(token, CASES[token])
    found = driver.adopt(token, ZONE if token == ORIGIN else f"{ZONE}/{made.id}")
    assert found is not None
    assert found.id == made.id
    assert not driver.diff(found, _with_what_is_ignored(token, CASES[token])).changes
    assert {name: found.outputs[name] for name in CASES[token] if name != "ssl"} == {
        name: made.outputs[name] for name in CASES[token] if name != "ssl"
    }


def test_drift_is_seen(driver: Driver, api: httpx.Client) -> None:
    """A refresh takes over what somebody changed, and the next run puts it right."""
    made = driver.create(RECORD, CASES[RECORD])
    api.patch(f"/dns_records/{made.id}", json={"content": "evil.example", "comment": None})
    seen = driver.refresh(made)
    assert seen is not None
    assert driver.diff(seen, CASES[RECORD]).changes == {"content", "comment"}
    driver.update(seen, CASES[RECORD])
    assert api.get(f"/dns_records/{made.id}").json()["result"]["content"] == f"edge.{DOMAIN}"


def test_a_new_custom_hostname_says_what_its_owner_has_to_do(driver: Driver, api: httpx.Client) -> None:
    """The outputs hold the TXT record and the HTTP token that prove ownership."""
    made = driver.create(HOSTNAME, CASES[HOSTNAME])
    assert made.outputs["status"] == "pending"
    assert made.outputs["ownershipVerification"]["name"] == "_cf-custom-hostname.portal.acme.example"
    assert set(made.outputs["ownershipVerificationHttp"]) == {"httpUrl", "httpBody"}


@pytest.mark.parametrize("token", [RECORD, HOSTNAME])
def test_a_second_one_is_refused(driver: Driver, api: httpx.Client, token: str) -> None:
    """Creating what exists fails, names it and changes nothing."""
    made = driver.create(token, CASES[token])
    with pytest.raises(grpc.RpcError, match=r"exists already") as failure:
        driver.create(token, CASES[token])
    assert CASES[token].get("hostname", CASES[token].get("name")) in failure.value.details()
    assert api.get(PATHS[token].format(made.id)).status_code == 200


def test_a_short_name_is_no_change(driver: Driver, api: httpx.Client) -> None:
    """A record declared without its zone's name is the same record after a refresh."""
    wanted = CASES[RECORD] | {"name": "acme"}
    seen = driver.refresh(driver.create(RECORD, wanted))
    assert seen is not None
    assert not driver.diff(seen, wanted).changes


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"type": "WRONG"}, "type"),
        ({"ttl": 300}, "ttl"),
        ({"data": {"flags": 0}}, "content"),
        ({"contents": "x"}, "contents"),
    ],
)
def test_bad_records_are_refused_before_anything_happens(driver: Driver, changes: dict[str, Any], wrong: str) -> None:
    """What the official provider's validators refuse is refused by check."""
    _, failures, _ = driver.check(RECORD, CASES[RECORD] | changes)
    assert set(failures) == {wrong}


def test_nested_names_are_checked(driver: Driver) -> None:
    """A nested property in snake case, which the official provider would not take, is refused."""
    _, failures, _ = driver.check(HOSTNAME, CASES[HOSTNAME] | {"ssl": {"bundle_method": "ubiquitous"}})
    assert set(failures) == {"ssl.bundle_method"}


@pytest.mark.parametrize("status", [429, 503])
def test_passing_faults_are_ridden_out(driver: Driver, address: str, api: httpx.Client, status: int) -> None:
    """Two refusals do not fail a creation, and it is made once."""
    httpx.post(f"{address}/_faults", json={"status": status, "count": 2})
    driver.create(RECORD, CASES[RECORD])
    assert len(api.get("/dns_records").json()["result"]) == 1


def test_lasting_faults_are_reported(driver: Driver, address: str, api: httpx.Client) -> None:
    """A service that stays down is a clear error that names the record, after a bounded time."""
    httpx.post(f"{address}/_faults", json={"status": 503, "count": 100})
    with pytest.raises(grpc.RpcError, match=r"DNS record CNAME acme.*kept failing"):
        driver.create(RECORD, CASES[RECORD])


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"apiToken": "x" * 40}, "refused the API token"),
        ({"baseUrl": "http://127.0.0.1:9/client/v4"}, "cannot be reached"),
    ],
)
def test_wrong_settings_are_reported(address: str, config: dict[str, str], said: str) -> None:
    """A wrong token and a wrong address are each said plainly."""
    from local.plugins.cloudflare.client import Client
    from local.plugins.framework import ProviderError

    client = Client({"baseUrl": f"{address}/client/v4", "apiToken": "t" * 40} | config)
    with pytest.raises(ProviderError, match=said):
        client.call("get", f"/zones/{ZONE}/dns_records", "DNS record x")


def test_a_run_without_changes_needs_no_client() -> None:
    """Serving, checking and comparing import neither the official client nor httpx."""
    import subprocess
    import sys

    code = "import sys, local.plugins.cloudflare.provider; sys.exit(bool({'cloudflare', 'httpx'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
