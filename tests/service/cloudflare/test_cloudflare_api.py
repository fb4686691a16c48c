"""The local Cloudflare API as the official Python client sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudflare
import httpx
import pytest

from tests.service.cloudflare import running
from tests.service.cloudflare.running import DOMAIN, TOKEN, ZONE

CNAME = {"type": "CNAME", "content": f"edge.{DOMAIN}", "ttl": 1}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running.cloudflare(tmp_path_factory.mktemp("cloudflare") / "state.sqlite") as address:
        yield address


@pytest.fixture
def api(address: str) -> Iterator[cloudflare.Cloudflare]:
    """A client of an empty zone."""
    client = connect(address)
    yield client
    httpx.delete(f"{address}/_faults")
    for record in list(client.dns.records.list(zone_id=ZONE)):
        client.dns.records.delete(record.id, zone_id=ZONE)
    for hostname in list(client.custom_hostnames.list(zone_id=ZONE)):
        client.custom_hostnames.delete(hostname.id, zone_id=ZONE)


def connect(address: str, token: str = TOKEN, retries: int = 0) -> cloudflare.Cloudflare:
    return cloudflare.Cloudflare(api_token=token, base_url=f"{address}/client/v4", max_retries=retries)


def code(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> tuple[int, int]:
    """The HTTP status and Cloudflare's code of a call that has to fail."""
    with pytest.raises(cloudflare.APIStatusError) as failure:
        call(*args, **kwargs)
    return failure.value.status_code, failure.value.body["errors"][0]["code"]


def test_zone(api: cloudflare.Cloudflare) -> None:
    """The zone is found by its name and read by its id; a foreign and a malformed id are told apart."""
    assert [zone.id for zone in api.zones.list(name=DOMAIN)] == [ZONE]
    assert list(api.zones.list(name="other.example")) == []
    assert api.zones.get(zone_id=ZONE).name == DOMAIN
    assert code(api.zones.get, zone_id="f" * 32) == (403, 9109)
    assert code(api.zones.get, zone_id="nonsense") == (404, 7003)


def test_token(address: str, api: cloudflare.Cloudflare) -> None:
    """Only the server's own token is let in; none, a malformed and a wrong one each get their own code."""
    assert api.user.tokens.verify().status == "active"
    assert code(connect(address, "x" * 40).zones.list) == (403, 9109)
    assert code(connect(address, "short").zones.list) == (400, 6003)
    assert httpx.get(f"{address}/client/v4/zones").json()["errors"][0]["code"] == 9106


def test_record_life(api: cloudflare.Cloudflare) -> None:
    """A record is created under its full name, read, changed in part, replaced as a whole and deleted."""
    record = api.dns.records.create(zone_id=ZONE, name="acme", proxied=True, comment="tenantry acme", **CNAME)
    assert (record.name, record.ttl, record.proxied) == (f"acme.{DOMAIN}", 1, True)
    edited = api.dns.records.edit(record.id, zone_id=ZONE, name="acme", **{**CNAME, "content": "other.example"})
    assert (edited.content, edited.proxied, edited.comment) == ("other.example", True, "tenantry acme")
    replaced = api.dns.records.update(record.id, zone_id=ZONE, name="acme", **CNAME)
    assert (replaced.content, replaced.proxied, replaced.comment) == (f"edge.{DOMAIN}", False, None)
    api.dns.records.delete(record.id, zone_id=ZONE)
    assert code(api.dns.records.get, record.id, zone_id=ZONE) == (404, 81044)
    assert code(api.dns.records.delete, record.id, zone_id=ZONE) == (404, 81044)


def test_record_filters_and_pages(api: cloudflare.Cloudflare) -> None:
    """Lists are filtered by name, type, content and comment, and come in pages."""
    for number in range(5):
        api.dns.records.create(zone_id=ZONE, name=f"t{number}", type="A", content=f"192.0.2.{number}", ttl=60, comment=f"mark {number}")
    assert len(list(api.dns.records.list(zone_id=ZONE, per_page=2))) == 5
    for wanted in ({"name": {"exact": f"t3.{DOMAIN}"}}, {"content": {"exact": "192.0.2.3"}}, {"comment": {"contains": "rk 3"}}):
        assert [record.name for record in api.dns.records.list(zone_id=ZONE, **wanted)] == [f"t3.{DOMAIN}"]
    assert list(api.dns.records.list(zone_id=ZONE, type="TXT")) == []


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"type": "CNAME", "content": "other.example"}, 81053),
        ({"type": "CNAME", "content": f"edge.{DOMAIN}"}, 81058),
        ({"type": "A", "content": "192.0.2.1"}, 81054),
        ({"name": "else", "type": "A", "content": "2001:db8::1"}, 9005),
        ({"name": "else", "type": "AAAA", "content": "192.0.2.1"}, 9006),
        ({"name": "else", "type": "CNAME", "content": "not a name"}, 9007),
        ({"name": "else", "type": "TXT", "content": "x", "proxied": True}, 9004),
        ({"name": "else", "type": "A", "content": "192.0.2.1", "ttl": 5}, 9021),
        ({"name": "a..b", "type": "A", "content": "192.0.2.1"}, 9000),
        ({"name": "else", "type": "NONE", "content": "x"}, 1004),
    ],
)
def test_record_refused(api: cloudflare.Cloudflare, record: dict[str, Any], expected: int) -> None:
    """A record that is wrong, or that may not stand beside another, is refused with Cloudflare's code and is not kept."""
    api.dns.records.create(zone_id=ZONE, name="taken", **CNAME)
    assert code(api.dns.records.create, zone_id=ZONE, **{"name": "taken", "ttl": 1, **record}) == (400, expected)
    assert len(list(api.dns.records.list(zone_id=ZONE))) == 1


def test_custom_hostname_life(api: cloudflare.Cloudflare) -> None:
    """A custom host name waits for its owner with everything that owner has to publish; a second one of that name is refused."""
    made = api.custom_hostnames.create(zone_id=ZONE, hostname="portal.acme.example", ssl={"method": "txt", "type": "dv"})
    assert (made.status, made.ssl.status, made.ssl.bundle_method) == ("pending", "pending_validation", "ubiquitous")
    assert made.ssl.validation_records[0].txt_name == "_acme-challenge.portal.acme.example"
    assert made.ownership_verification.name == "_cf-custom-hostname.portal.acme.example"
    assert code(api.custom_hostnames.create, zone_id=ZONE, hostname="PORTAL.acme.example") == (409, 1406)
    assert [found.id for found in api.custom_hostnames.list(zone_id=ZONE, hostname="portal.acme.example")] == [made.id]
    same = api.custom_hostnames.edit(made.id, zone_id=ZONE, ssl={"method": "txt", "type": "dv"})
    assert same.ssl.validation_records[0].txt_value == made.ssl.validation_records[0].txt_value
    changed = api.custom_hostnames.edit(made.id, zone_id=ZONE, ssl={"method": "http", "type": "dv"})
    assert changed.ssl.validation_records[0].http_url.startswith("http://portal.acme.example/.well-known/")
    assert api.custom_hostnames.delete(made.id, zone_id=ZONE).id == made.id
    assert code(api.custom_hostnames.get, made.id, zone_id=ZONE) == (404, 1436)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"hostname": "192.0.2.1"}, 1407),
        ({"hostname": "bad_name!.example"}, 1407),
        ({"hostname": "bücher.example"}, 1408),
        ({"hostname": "a.example", "ssl": {"method": "txt"}}, 1440),
        ({"hostname": "a.example", "ssl": {"method": "pigeon", "type": "dv"}}, 1432),
        ({"hostname": "a.example", "ssl": {"method": "txt", "type": "ev"}}, 1433),
    ],
)
def test_custom_hostname_refused(api: cloudflare.Cloudflare, given: dict[str, Any], expected: int) -> None:
    """A host name or a certificate request that is wrong is refused with the code of Cloudflare's table."""
    assert code(api.custom_hostnames.create, zone_id=ZONE, **given) == (400, expected)


def test_fallback_origin_life(api: cloudflare.Cloudflare) -> None:
    """A zone has one fallback origin or none."""
    origins = api.custom_hostnames.fallback_origin
    assert code(origins.get, zone_id=ZONE) == (404, 1551)
    assert origins.update(zone_id=ZONE, origin=f"edge.{DOMAIN}").origin == f"edge.{DOMAIN}"
    assert origins.get(zone_id=ZONE).status == "active"
    origins.delete(zone_id=ZONE)
    assert code(origins.get, zone_id=ZONE) == (404, 1551)


def test_faults_end(address: str, api: cloudflare.Cloudflare) -> None:
    """A fault hits as many matching requests as it says and no more; a client that retries does not notice."""
    httpx.post(f"{address}/_faults", json={"status": 503, "count": 2, "path": "dns_records", "method": "post"})
    assert list(api.dns.records.list(zone_id=ZONE)) == []
    assert code(api.dns.records.create, zone_id=ZONE, name="a", **CNAME)[0] == 503
    assert connect(address, retries=2).dns.records.create(zone_id=ZONE, name="a", **CNAME).name == f"a.{DOMAIN}"
    assert httpx.post(f"{address}/_faults", json={"stauts": 1}).status_code == 400


def test_a_killed_server_forgets_nothing(tmp_path: Path) -> None:
    """What was answered is there after a SIGKILL: records, host names and the fallback origin, with the same ids."""
    state = tmp_path / "state.sqlite"
    with running.cloudflare(state) as address:
        api = connect(address)
        record = api.dns.records.create(zone_id=ZONE, name="*", **CNAME)
        hostname = api.custom_hostnames.create(zone_id=ZONE, hostname="portal.acme.example", ssl={"method": "txt", "type": "dv"})
        api.custom_hostnames.fallback_origin.update(zone_id=ZONE, origin=f"edge.{DOMAIN}")
    with running.cloudflare(state) as address:
        api = connect(address)
        assert api.dns.records.get(record.id, zone_id=ZONE) == record
        assert api.custom_hostnames.get(hostname.id, zone_id=ZONE).to_dict() == hostname.to_dict()
        assert api.custom_hostnames.fallback_origin.get(zone_id=ZONE).origin == f"edge.{DOMAIN}"
