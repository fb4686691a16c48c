"""A local Cloudflare API and the stand-in plugin, configured for it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from local.plugins.cloudflare.provider import PROVIDER
from local.plugins.framework.serve import start
from tests.engine.plugins.driver import Driver
from tests.service.cloudflare import running
from tests.service.cloudflare.running import TOKEN, ZONE


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running.cloudflare(tmp_path_factory.mktemp("cloudflare") / "state.sqlite") as address:
        yield address


@pytest.fixture(scope="module")
def driver(address: str) -> Iterator[Driver]:
    server, port = start(PROVIDER)
    driver = Driver(port)
    driver.configure({"baseUrl": f"{address}/client/v4", "apiToken": TOKEN})
    yield driver
    driver.close()
    server.stop(None)


@pytest.fixture
def api(address: str) -> Iterator[httpx.Client]:
    """The API behind the plugin's back; it is emptied when the test is over."""
    with httpx.Client(base_url=f"{address}/client/v4/zones/{ZONE}", headers={"Authorization": f"Bearer {TOKEN}"}) as api:
        yield api
        httpx.delete(f"{address}/_faults")
        for kind in ("dns_records", "custom_hostnames"):
            for each in api.get(f"/{kind}", params={"per_page": 50}).json()["result"]:
                api.delete(f"/{kind}/{each['id']}")
        api.delete("/custom_hostnames/fallback_origin")
