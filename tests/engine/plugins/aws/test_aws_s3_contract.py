"""What the official pulumi-aws 7.51.1 promises of its S3 types, kept by the stand-in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from local.plugins.framework import Asset
from tests.engine.plugins.driver import Driver
from tests.service.aws.running import REGION

Api = Callable[[str], Any]
BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"


def policy(bucket: str, sid: str = "TlsOnly") -> str:
    statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{bucket}/*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}]})


def rule(days: int) -> dict[str, Any]:
    expiry = {"noncurrentVersionExpiration": {"noncurrentDays": days}, "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}
    return {"id": "old", "status": "Enabled", "filter": {"prefix": "tenants/"}, **expiry}


PARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    VERSIONING: ({"versioningConfiguration": {"status": "Enabled"}}, {"versioningConfiguration": {"status": "Suspended"}}),
    ENCRYPTION: (
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}]},
    ),
    BLOCK: ({"blockPublicAcls": True, "restrictPublicBuckets": True}, {"blockPublicPolicy": True}),
    OWNERSHIP: ({"rule": {"objectOwnership": "BucketOwnerEnforced"}}, {"rule": {"objectOwnership": "ObjectWriter"}}),
    POLICY: ({"policy": policy("b")}, {"policy": policy("b", "Other")}),
    LIFECYCLE: ({"rules": [rule(90)]}, {"rules": [rule(30)]}),
}
REQUIRED = {
    BUCKET: set(),
    VERSIONING: {"bucket", "versioningConfiguration"},
    ENCRYPTION: {"bucket", "rules"},
    BLOCK: {"bucket"},
    OWNERSHIP: {"bucket", "rule"},
    LOCK: {"bucket"},
    POLICY: {"bucket", "policy"},
    LIFECYCLE: {"bucket"},
    OBJECT: {"bucket"},
}


@pytest.mark.parametrize("token", list(REQUIRED))
def test_required_inputs(driver: Driver, token: str) -> None:
    """Exactly the inputs that the schema requires are missed."""
    assert set(driver.check(token, {})[1]) == REQUIRED[token]


def test_bucket_life(driver: Driver, api: Api) -> None:
    """A bucket's id is its name; tags change in place, another name or region replaces; gone is seen."""
    wanted = {"bucket": "bucket-life", "tags": {"tenantry": "cell-main"}}
    made = driver.create(BUCKET, wanted)
    assert (made.id, made.outputs["arn"], made.outputs["region"]) == ("bucket-life", "arn:aws:s3:::bucket-life", REGION)
    assert made.outputs["bucketRegionalDomainName"] == f"bucket-life.s3.{REGION}.amazonaws.com"
    assert api("s3").get_bucket_tagging(Bucket="bucket-life")["TagSet"] == [{"Key": "tenantry", "Value": "cell-main"}]
    assert driver.diff(made, wanted | {"bucket": "bucket-other"}).replaces == {"bucket"}
    assert driver.diff(made, wanted | {"region": "us-east-1"}).replaces == {"region"}
    assert driver.diff(made, wanted).changes == frozenset()
    adopted = driver.adopt(BUCKET, "bucket-life")
    assert adopted is not None
    assert not driver.diff(adopted, wanted).changes
    changed = driver.update(made, {"bucket": "bucket-life"})
    assert changed.outputs["tagsAll"] == {}
    driver.end(changed)


def test_bucket_names_itself(driver: Driver) -> None:
    """A bucket without a name gets the resource's with seven hexadecimal digits."""
    inputs, failures, _ = driver.check(BUCKET, {})
    assert not failures
    assert inputs["bucket"] == "tested-0001020"


def test_bucket_of_that_name(driver: Driver, bucket: str) -> None:
    """A bucket that exists and is somebody's, by its tags or its content, is refused by name and left alone."""
    theirs = driver.create(OBJECT, {"bucket": bucket, "key": "theirs", "content": "x"})
    with pytest.raises(grpc.RpcError, match=rf"S3 bucket {bucket} exists already"):
        driver.create(BUCKET, {"bucket": bucket})
    assert driver.refresh(theirs) is not None


def test_half_made_bucket_is_finished(driver: Driver, api: Api) -> None:
    """A bucket of ours without tags or content is what a killed creation left: the next one takes it over."""
    api("s3").create_bucket(Bucket="half-made", CreateBucketConfiguration={"LocationConstraint": REGION})
    made = driver.create(BUCKET, {"bucket": "half-made", "tags": {"tenantry": "x"}})
    assert made.outputs["tagsAll"] == {"tenantry": "x"}
    driver.delete(made)


def test_bucket_with_content(driver: Driver, bucket: str) -> None:
    """A bucket that holds anything is removed only when forceDestroy says so."""
    driver.create(OBJECT, {"bucket": bucket, "key": "a/b", "content": "x"})
    held = driver.adopt(BUCKET, bucket)
    assert held is not None
    with pytest.raises(grpc.RpcError, match="is not empty"):
        driver.delete(held)
    driver.delete(driver.update(held, {"bucket": bucket, "forceDestroy": True}))
    assert driver.adopt(BUCKET, bucket) is None


@pytest.mark.parametrize("token", list(PARTS))
def test_bucket_part_life(driver: Driver, bucket: str, token: str) -> None:
    """A bucket's part has the bucket's name as its id, is put, read back, changed in place, adopted and removed."""
    first, second = ({"bucket": bucket, **part} for part in PARTS[token])
    made = driver.create(token, first)
    assert made.id == bucket
    assert driver.diff(made, first | {"bucket": "other"}).replaces == {"bucket"}
    for wanted in (first, second):
        made = driver.update(made, wanted)
        assert not driver.diff(made, wanted).changes
        seen, adopted = driver.refresh(made), driver.adopt(token, bucket)
        assert seen is not None
        assert adopted is not None
        assert not driver.diff(seen, wanted).changes
        assert not driver.diff(adopted, wanted).changes
    difference = driver.diff(made, first)
    assert difference.changes
    assert not difference.replaces
    driver.delete(made)
    if token != VERSIONING:
        assert driver.refresh(made) is None
    driver.delete(made)


def test_parts_of_a_bucket_that_is_gone(driver: Driver, api: Api) -> None:
    """What belonged to a bucket that somebody removed is gone with it, and removing it is no error."""
    api("s3").create_bucket(Bucket="soon-gone", CreateBucketConfiguration={"LocationConstraint": REGION})
    parts = [driver.create(token, {"bucket": "soon-gone", **first}) for token, (first, _) in PARTS.items()]
    parts.append(driver.create(OBJECT, {"bucket": "soon-gone", "key": "k", "content": "x"}))
    api("s3").delete_object(Bucket="soon-gone", Key="k", VersionId=parts[-1].outputs["versionId"])
    api("s3").delete_bucket(Bucket="soon-gone")
    for part in parts:
        assert driver.refresh(part) is None
        driver.delete(part)


def test_part_drift(driver: Driver, api: Api, bucket: str) -> None:
    """An access block that somebody opened is seen after a refresh and closed by the next run."""
    wanted = {
        "bucket": bucket,
        **dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True),
    }
    made = driver.create(BLOCK, wanted)
    api("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    seen = driver.refresh(made)
    assert seen is not None
    assert driver.diff(seen, wanted).changes == {"blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"}
    driver.update(seen, wanted)
    assert api("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"]


def test_policies_are_compared_by_meaning(driver: Driver, bucket: str) -> None:
    """Another spelling of the same policy document changes nothing."""
    made = driver.create(POLICY, {"bucket": bucket, "policy": policy(bucket)})
    respelled = json.dumps(json.loads(policy(bucket)), indent=2, sort_keys=True)
    assert not driver.diff(made, {"bucket": bucket, "policy": respelled}).changes
    assert set(driver.check(POLICY, {"bucket": bucket, "policy": "{"})[1]) == {"policy"}


def test_object_life(driver: Driver, api: Api, bucket: str) -> None:
    """An object's id is bucket/key; content makes a new version, tags do not; all versions go with it."""
    wanted = {"bucket": bucket, "key": "tenants/acme/a b+ü.json", "content": "{}", "contentType": "application/json", "tags": {"t": "acme"}}
    wanted |= {"cacheControl": "max-age=300", "serverSideEncryption": "AES256"}
    made = driver.create(OBJECT, wanted)
    assert made.id == f"{bucket}/tenants/acme/a b+ü.json"
    assert made.outputs["etag"] == hashlib.md5(b"{}", usedforsecurity=False).hexdigest()
    head = api("s3").head_object(Bucket=bucket, Key=wanted["key"])
    assert (head["ContentType"], head["CacheControl"], head["VersionId"]) == ("application/json", "max-age=300", made.outputs["versionId"])
    seen, adopted = driver.refresh(made), driver.adopt(OBJECT, made.id)
    assert seen is not None
    assert adopted is not None
    assert adopted.id == made.id
    assert not driver.diff(seen, wanted).changes
    assert driver.diff(adopted, wanted).changes == {"content"}  # nobody reads the content back, the official provider neither
    assert driver.diff(made, wanted | {"key": "other"}).replaces == {"key"}
    tagged = driver.update(seen, wanted | {"tags": {"t": "beta"}})
    assert tagged.outputs["versionId"] == made.outputs["versionId"]
    assert api("s3").get_object_tagging(Bucket=bucket, Key=wanted["key"])["TagSet"] == [{"Key": "t", "Value": "beta"}]
    changed = driver.update(tagged, wanted | {"content": "[]"})
    assert changed.outputs["versionId"] != made.outputs["versionId"]
    assert changed.outputs["etag"] == hashlib.md5(b"[]", usedforsecurity=False).hexdigest()
    driver.delete(changed)
    assert "Versions" not in api("s3").list_object_versions(Bucket=bucket)
    assert driver.refresh(changed) is None


def test_object_from_a_file(driver: Driver, api: Api, bucket: str, tmp_path: Path) -> None:
    """A file's content is what counts: the same bytes elsewhere change nothing, other bytes are uploaded."""
    first, copy, other = (tmp_path / name for name in ("logo.svg", "copy.svg", "other.svg"))
    first.write_bytes(b"<svg/>")
    copy.write_bytes(b"<svg/>")
    other.write_bytes(b"<svg></svg>")
    made = driver.create(OBJECT, {"bucket": bucket, "key": "logo", "source": Asset(path=str(first))})
    assert api("s3").get_object(Bucket=bucket, Key="logo")["Body"].read() == b"<svg/>"
    assert not driver.diff(made, {"bucket": bucket, "key": "logo", "source": Asset(path=str(copy))}).changes
    wanted = {"bucket": bucket, "key": "logo", "source": Asset(path=str(other))}
    assert driver.diff(made, wanted).changes == {"source"}
    driver.update(made, wanted)
    assert api("s3").get_object(Bucket=bucket, Key="logo")["Body"].read() == b"<svg></svg>"
    assert driver.refresh(made).outputs["key"] == "logo"  # type: ignore[union-attr]


def test_object_from_base64(driver: Driver, api: Api, bucket: str) -> None:
    """Bytes that are no text come as Base64; two contents at once are refused."""
    driver.create(OBJECT, {"bucket": bucket, "key": "bytes", "contentBase64": "AP8="})
    assert api("s3").get_object(Bucket=bucket, Key="bytes")["Body"].read() == b"\x00\xff"
    assert driver.check(OBJECT, {"bucket": bucket, "key": "k", "content": "a", "contentBase64": "AP8="})[1]


def test_object_drift(driver: Driver, api: Api, bucket: str) -> None:
    """Headers and tags that somebody changed are seen; what somebody deleted is gone."""
    wanted = {"bucket": bucket, "key": "k", "content": "x", "contentType": "text/css", "tags": {"a": "1"}}
    made = driver.create(OBJECT, wanted)
    api("s3").put_object(Bucket=bucket, Key="k", Body=b"y", ContentType="text/html", Tagging="a=2")
    seen = driver.refresh(made)
    assert seen is not None
    assert driver.diff(seen, wanted).changes == {"contentType", "tags"}
    api("s3").delete_object(Bucket=bucket, Key="k")
    assert driver.refresh(made) is None


def test_default_tags(configured: Callable[..., Driver], bucket: str) -> None:
    """A provider's default tags are on everything and in tagsAll, and make no difference to a resource's own."""
    driver = configured(defaultTags=json.dumps({"tags": {"platform": "tenantry"}}))
    wanted = {"bucket": bucket, "key": "k", "content": "x", "tags": {"a": "1"}}
    made = driver.create(OBJECT, wanted)
    assert made.outputs["tagsAll"] == {"platform": "tenantry", "a": "1"}
    seen = driver.refresh(made)
    assert seen is not None
    assert seen.outputs["tags"] == {"a": "1"}
    assert not driver.diff(seen, wanted).changes


@pytest.mark.parametrize("status", [429, 503])
def test_passing_faults_are_ridden_out(driver: Driver, address: str, api: Api, bucket: str, status: int) -> None:
    """Two refusals do not fail a creation."""
    httpx.post(f"{address}/_faults", json={"status": status, "count": 2, "method": "PUT"})
    driver.create(OBJECT, {"bucket": bucket, "key": "k", "content": "x"})


def test_lasting_faults_are_reported(driver: Driver, address: str, api: Api) -> None:
    """A service that stays down is a clear error that names the object, after a bounded time."""
    httpx.post(f"{address}/_faults", json={"status": 503, "count": 100})
    with pytest.raises(grpc.RpcError, match=r"S3 object some-bucket/k: AWS kept failing"):
        driver.create(OBJECT, {"bucket": "some-bucket", "key": "k", "content": "x"})


def test_wrong_credentials_are_reported(configured: Callable[..., Driver]) -> None:
    """A wrong key is said plainly."""
    driver = configured(accessKey="AKIANOBODY")
    with pytest.raises(grpc.RpcError, match="AWS refused the credentials: InvalidAccessKeyId"):
        driver.create(BUCKET, {"bucket": "never-made"})


def test_a_run_without_changes_needs_no_client() -> None:
    """Serving, checking and comparing do not import boto3."""
    import subprocess
    import sys

    code = "import sys, local.plugins.aws.provider; sys.exit(bool({'boto3', 'botocore'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_bucket_that_can_lock(driver: Driver, api: Api) -> None:
    """Whether a bucket can lock is seen when it is adopted and replaces; its default retention comes and goes in place."""
    wanted = {"bucket": "bucket-lock", "objectLockEnabled": True}
    made = driver.create(BUCKET, wanted)
    adopted = driver.adopt(BUCKET, "bucket-lock")
    assert adopted is not None
    assert adopted.outputs["objectLockEnabled"] is True
    assert driver.diff(made, {"bucket": "bucket-lock", "objectLockEnabled": False}).replaces == {"objectLockEnabled"}
    assert driver.create(BUCKET, {"bucket": "bucket-free"}).outputs["objectLockEnabled"] is False

    def days(number: int) -> dict[str, Any]:
        return {"bucket": "bucket-lock", "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": number}}}

    lock = driver.create(LOCK, days(35))
    assert lock.id == "bucket-lock"
    held = api("s3").get_object_lock_configuration(Bucket="bucket-lock")["ObjectLockConfiguration"]
    assert held["Rule"]["DefaultRetention"].items() >= {"Mode": "GOVERNANCE", "Days": 35}.items()
    assert driver.diff(lock, days(35)).changes == frozenset()
    lock = driver.update(lock, days(40))
    again = driver.refresh(lock)
    assert again is not None
    assert again.outputs["rule"] == days(40)["rule"]
    driver.delete(lock)
    assert driver.refresh(lock) is None
