"""A local AWS and the stand-in plugin, configured for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.plugins.aws.provider import PROVIDER
from local.plugins.framework.serve import start
from tests.engine.plugins.driver import Driver
from tests.service.aws import running
from tests.service.aws.running import REGION, ROOT


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = tmp_path_factory.mktemp("home") / "aws"
    with running.aws(state) as address:
        try:
            yield address
        finally:
            running.end_instances(state)


@pytest.fixture(scope="session")
def configured(address: str) -> Iterator[Callable[..., Driver]]:
    """Plugins configured for the server; arguments add to the configuration."""
    servers = []

    def configure(**more: str) -> Driver:
        server, port = start(PROVIDER)
        servers.append(server)
        driver = Driver(port)
        keys = {"accessKey": ROOT["aws_access_key_id"], "secretKey": ROOT["aws_secret_access_key"]}
        driver.configure({"region": REGION, **keys, **more})
        return driver

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", address)
        yield configure
    for server in servers:
        server.stop(None)


@pytest.fixture(scope="session")
def driver(configured: Callable[..., Driver]) -> Driver:
    return configured()


@pytest.fixture
def api(address: str) -> Iterator[Callable[[str], Any]]:
    """boto3 clients behind the plugin's back; faults end with the test."""
    yield lambda service: running.connect(address, service)
    httpx.delete(f"{address}/_faults")


@pytest.fixture
def bucket(api: Callable[[str], Any], request: pytest.FixtureRequest) -> Iterator[str]:
    """A versioned bucket, removed with all it holds."""
    name, s3 = f"bucket-{abs(hash(request.node.nodeid)):x}"[:40], api("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    yield name
    try:
        found = s3.list_object_versions(Bucket=name)
    except s3.exceptions.ClientError:
        return
    for entry in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
        s3.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket=name)
