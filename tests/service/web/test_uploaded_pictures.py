"""A picture that is uploaded is seen at its tenant's host at once, is written anew, and is nobody else's."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tenantry import naming
from tenantry.control import configuration
from tenantry.control.database import transaction
from tenantry.errors import TransientError
from tenantry.operations import pictures
from tests.service import directory
from tests.service.web import conftest as web

pytestmark = pytest.mark.service

BUCKET = "web-pictures"
OURS, OTHERS = "web-faces", "web-faceless"
RED = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="red"/></svg>'
BLUE = RED.replace(b"red", b"blue")


def png(size: int = 4) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (size, size), "red").save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def s3(service, cloud) -> Iterator[Any]:
    ids = [
        directory.tenant(slug, "schema", labels={"partner": partner}, bucket=BUCKET) for slug, partner in ((OURS, "me"), (OTHERS, "them"))
    ]
    env = cloud.environment
    client = boto3.client(
        "s3", endpoint_url=env["AWS_ENDPOINT_URL"], region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": env["AWS_REGION"]})
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)
    with transaction() as connection:
        for table in ("audit_log", "users"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = ANY(%s::uuid[])", [ids])
    directory.forget(*ids)


@pytest.fixture
def upload(service, s3) -> Callable[..., Any]:
    def put(data: bytes, use: str = "logo", slug: str = OURS, **more: Any) -> Any:
        path = f"/v1/tenants/{slug}/configuration/branding.{use}/picture"
        more = {"headers": {"If-Match": "*", "Content-Type": "application/octet-stream"}, **more}
        return service.ask("PUT", path, content=data, **more)

    return put


def seen(service, path: str, slug: str = OURS, **headers: str) -> Any:
    app = service.client.app
    client = TestClient(app.state.runtime.in_front_of(app), follow_redirects=False)
    return client.get(path, headers={"Host": f"{slug}.x.example", **headers})


def until(holds: Callable[[], Any], seconds: float = 5.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def logo(service, slug: str = OURS) -> str | None:
    found: str | None = seen(service, "/runtime/branding.json", slug).json()["logo"]
    return found


def test_a_logo_is_seen_at_once_under_its_digest_and_taken_back(service, upload, s3):
    """Without the engine; and a favicon is led to by the old path."""
    done = upload(RED)
    assert (done.status_code, done.json()["source"]) == (200, "runtime"), done.text
    first = until(lambda: logo(service))
    answer = seen(service, first)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert "immutable" in answer.headers["cache-control"]
    assert "sandbox" in answer.headers["content-security-policy"]
    assert seen(service, first, **{"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert upload(BLUE, headers={"If-Match": done.headers["etag"], "Content-Type": "application/octet-stream"}).status_code == 200
    second = until(lambda: (found := logo(service)) != first and found)
    assert b"blue" in seen(service, second).content
    assert seen(service, first).status_code == 404  # no more in force
    assert upload(png(), "favicon").status_code == 200
    icon = until(lambda: seen(service, "/runtime/favicon.ico").headers.get("location"))
    assert seen(service, icon).headers["content-type"] == "image/png"
    kept = s3.head_object(Bucket=BUCKET, Key=f"tenants/{OURS}/branding/uploads/{second.rpartition('/')[2]}")
    assert (kept["ContentDisposition"], kept["Metadata"]["x-content-type-options"]) == ("attachment", "nosniff")
    for use in ("logo", "favicon"):
        path = f"/v1/tenants/{OURS}/configuration/branding.{use}"
        assert service.ask("DELETE", path, headers={"If-Match": "*"}).status_code == 200
    until(lambda: logo(service) is None and seen(service, "/runtime/favicon.ico").status_code == 200)


def test_a_picture_is_its_tenants_alone(service, upload):
    """At another host it is not there, another partner's key cannot upload it, and an outdated edit does not win."""
    upload(RED)
    name = until(lambda: logo(service))
    assert seen(service, name, OTHERS).status_code == 404
    for path in (f"/runtime/pictures/../{OURS}", "/runtime/pictures/theme.css", "/runtime/pictures/"):
        assert seen(service, path).status_code == 404
    refused = upload(RED, slug=OTHERS)
    assert (refused.status_code, refused.json()["code"]) == (404, "tenant.unknown")
    assert upload(BLUE, headers={"Content-Type": "application/octet-stream"}).status_code == 428
    stale = {"If-Match": '"0"', "Content-Type": "application/octet-stream"}
    assert upload(BLUE, headers=stale).status_code == 412
    member = web.user(service, OURS, "member")
    path = f"/v1/tenants/{OURS}/configuration/branding.logo/picture"
    assert member.ask("PUT", path, content=RED, headers={"If-Match": "*"}).status_code == 403


def bomb(size: int) -> bytes:
    """A PNG of a kilobyte or so that says that it is ``size`` pixels wide and high."""
    head = b"IHDR" + size.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    body = b"IDAT" + zlib.compress(bytes(1_000_000), 9)
    chunks = b"".join((len(c) - 4).to_bytes(4, "big") + c + zlib.crc32(c).to_bytes(4, "big") for c in (head, body, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    ("use", "data"),
    [
        ("logo", b""),
        ("logo", b"<html><script>alert(1)</script></html>"),
        ("logo", RED.replace(b"<rect", b"<script>alert(1)</script><rect")),
        ("logo", RED.replace(b"<svg ", b'<svg onload="alert(1)" ')),
        ("logo", RED.replace(b"<rect", b'<image href="http://169.254.169.254/latest/meta-data"/><rect')),
        ("logo", RED.replace(b"<svg ", b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">]><svg ')),
        ("logo", bomb(60_000)),
        ("logo", bomb(2_049)),
        ("logo", png()[:40]),
        ("logo", b"\0\0\1\0" + bytes(40)),
        ("favicon", b"\0\0\1\0" + b"\xff" * 200),
        ("favicon", b"GIF89a" + bytes(100)),
        ("favicon", b"\x1f\x8b" + bytes(100)),
        ("logo", b"<svg" + b" " * 600_000 + b"/>"),
    ],
)
def test_what_is_no_picture_or_does_something_is_refused(service, upload, s3, use, data):
    """Bombs of pixels and entities, scripts, requests to elsewhere, other formats: 4xx, and nothing is kept."""
    before = s3.list_objects_v2(Bucket=BUCKET).get("KeyCount")
    refused = upload(data, use)
    assert refused.status_code == 422, refused.text
    assert s3.list_objects_v2(Bucket=BUCKET).get("KeyCount") == before


def test_what_does_nothing_to_a_drawing_is_not_published(service, upload):
    """It is written anew from what was checked."""
    marked = RED.replace(b"<svg ", b'<svg data-x="2" ').replace(b"<rect", b"<!-- alert(1) --><rect")
    assert upload(marked).status_code == 200
    name = until(lambda: logo(service))
    assert b"alert" not in seen(service, name).content


def test_the_newest_are_kept_and_what_is_in_force(service, upload, s3, monkeypatch):
    """So that a tenant's people cannot fill the bucket."""
    monkeypatch.setattr(pictures, "KEPT", 3)
    for number in range(6):
        assert upload(RED.replace(b"9", str(number + 10).encode())).status_code == 200
    kept = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"tenants/{OURS}/branding/uploads/")["Contents"]
    assert len(kept) <= 4
    value = configuration.rows([naming.tenant_id(OURS)])[naming.tenant_id(OURS)]["branding.logo"]["config_value"]
    assert any(entry["Key"].endswith(value) for entry in kept)


def test_s3_that_is_away_is_said_and_not_kept(service, upload, s3, monkeypatch):
    """503, and the next request has it."""
    upload(RED)
    name = until(lambda: logo(service))
    service.client.app.state.runtime.pictures._kept.clear()
    with monkeypatch.context() as patch:

        def away(*_: Any) -> bytes:
            raise TransientError("S3 does not answer", "try again")

        patch.setattr(pictures, "read", away)
        answer = seen(service, name)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert seen(service, name).status_code == 200
