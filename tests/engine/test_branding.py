"""Branding in the bucket is what the tenant's file makes of it today: written anew, with headers, put back where it was replaced."""

from __future__ import annotations

import json

import pytest

from tenantry.declaration import branding
from tenantry.declaration.assets import published
from tests.engine.conftest import Sandbox

pytestmark = pytest.mark.engine

BUCKET, PREFIX = "tenantry-dev-main", "tenants/gorse/branding/"
DRAWN = '<!-- a comment -->\r\n<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1">\r\n<title>Gorse</title>\r\n</svg>'
LOGO = "assets/gorse/logo.svg"


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> Sandbox:
    (sandbox.tenants / LOGO).parent.mkdir(parents=True)
    (sandbox.tenants / LOGO).write_bytes(DRAWN.encode())
    sandbox.declare("gorse", branding={"app_name": "Gorse", "logo": LOGO})
    sandbox.up()
    return sandbox


def logo(platform: Sandbox) -> bytes:
    return bytes(platform.s3().get_object(Bucket=BUCKET, Key=f"{PREFIX}logo.svg")["Body"].read())


def test_what_is_published(platform: Sandbox) -> None:
    """The picture as it was written anew, as a download where it is opened, with the headers to serve it with; and no file is left."""
    found = platform.s3().get_object(Bucket=BUCKET, Key=f"{PREFIX}logo.svg")
    body = found["Body"].read()
    assert body == published(platform.tenants, LOGO)
    assert b"comment" not in body
    assert (found["ContentType"], found["ContentDisposition"], found["Metadata"]) == ("image/svg+xml", "attachment", branding.HEADERS)
    for name in ("theme.css", "manifest.json"):
        assert platform.s3().head_object(Bucket=BUCKET, Key=PREFIX + name)["Metadata"] == branding.HEADERS
    (path,) = {
        resource["inputs"]["source"]["path"] for resource in platform.state("shared")["resources"] if "source" in resource.get("inputs", {})
    }
    assert not (platform.tenants / path).exists()


def test_line_ends_do_not_count(platform: Sandbox) -> None:
    """A checkout with other line ends makes nothing of the same picture."""
    (platform.tenants / LOGO).write_bytes(DRAWN.replace("\r\n", "\n").encode())
    assert platform.up() == {"shared": {}}


def test_a_replaced_object_is_put_back(platform: Sandbox) -> None:
    """Whatever somebody with an administrator's key has put, changed or taken away: a refresh finds it."""
    s3, before = platform.s3(), logo(platform)
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}logo.svg", Body=b"<script/>", ContentType="text/html")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}theme.css", Body=b"@import 'x';", ContentType="text/css; charset=utf-8")
    s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}manifest.json")
    changes = platform.up("gorse", "--refresh")["shared"]
    assert changes.get("change", 0) + changes.get("create", 0) == 3
    assert logo(platform) == before
    assert s3.head_object(Bucket=BUCKET, Key=f"{PREFIX}logo.svg")["ContentType"] == "image/svg+xml"
    assert b"@import" not in s3.get_object(Bucket=BUCKET, Key=f"{PREFIX}theme.css")["Body"].read()
    assert json.loads(s3.get_object(Bucket=BUCKET, Key=f"{PREFIX}manifest.json")["Body"].read())["headers"] == branding.HEADERS
    assert platform.up("gorse", "--refresh") == {"shared": {}}


def test_what_an_older_tenantry_published_is_published_anew(platform: Sandbox) -> None:
    """In its state a picture is the file as it came in; the next run replaces that, without a refresh."""
    platform.s3().put_object(Bucket=BUCKET, Key=f"{PREFIX}logo.svg", Body=DRAWN.encode(), ContentType="image/svg+xml")
    state = json.loads(platform.pulumi("stack", "export", "--stack", "shared").stdout)
    for resource in state["deployment"]["resources"]:
        if resource["urn"].endswith("::gorse-storage-logo"):
            for properties in (resource["inputs"], resource["outputs"]):
                properties["source"] |= {"hash": "0" * 64, "path": LOGO}
                for name in ("etag", "metadata", "contentDisposition"):
                    properties.pop(name, None)
    file = platform.root / "state.json"
    file.write_text(json.dumps(state))
    platform.pulumi("stack", "import", "--stack", "shared", "--file", str(file))
    assert platform.up() == {"shared": {"change": 1}}
    assert logo(platform) == published(platform.tenants, LOGO)
    assert platform.up() == {"shared": {}}
