"""What of a source's objects comes to its clone, at any size."""

from __future__ import annotations

import os

import pytest

from tenantry.clients import aws
from tenantry.operations.clone import objects

pytestmark = pytest.mark.service

LARGE = 17 << 20


def test_an_object_that_one_request_does_not_copy_crosses_in_parts(platform):
    """The bytes and the type cross, as of any object, the metadata and tags do not: S3 copies 5 GB at once and no more."""
    source, target = (platform.tenant(slug, "rls", empty=True) for slug in ("objects-source", "objects-clone"))
    s3, bodies = aws.client("s3"), {"public/large.bin": os.urandom(LARGE), "public/small.txt": b"small"}
    for key, body in bodies.items():
        s3.put_object(
            Bucket=source.bucket, Key=source.prefix + key, Body=body, ContentType="text/x", Metadata={"by": "Ada"}, Tagging="who=Ada"
        )

    def refused(params, **_):
        assert "large" not in params["url_path"], "copied at once"

    s3.meta.events.register("before-call.s3.CopyObject", refused)
    try:
        assert objects.copy(source, target, ["public/"], lambda line: None) == 2
    finally:
        s3.meta.events.unregister("before-call.s3.CopyObject", refused)
    for key, body in bodies.items():
        answer = s3.get_object(Bucket=target.bucket, Key=target.prefix + key)
        assert (answer["Body"].read() == body, answer["ContentType"], answer["Metadata"]) == (True, "text/x", {}), key
        tags = s3.get_object_tagging(Bucket=target.bucket, Key=target.prefix + key)["TagSet"]
        assert tags == [{"Key": "tenantry", "Value": target.slug}], key
    assert platform.uploads() == []
