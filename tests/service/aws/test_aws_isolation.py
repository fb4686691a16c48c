"""By the policies that the cells' buckets ship with, a tenant's temporary credentials reach that tenant's prefix and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from components.bucket import prefix_policy, tls_policy, trust_policy
from tests.service.aws import running
from tests.service.aws.running import ACCOUNT, REGION, connect

BUCKET, ROLE = "tenantry-main", f"arn:aws:iam::{ACCOUNT}:role/assets"
ARN = f"arn:aws:s3:::{BUCKET}"
OWN, BRANDING = "tenants/acme/own", "tenants/acme/branding/logo.svg"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@dataclass(frozen=True)
class Account:
    """An account with a bucket and the role of its tenants; acme and beta have an object each."""

    address: str
    beta_version: str

    def root(self, service: str) -> Any:
        return connect(self.address, service)

    def tenant(self, slug: str, service: str = "s3", policy: str | None = None) -> Any:
        narrowed = {"Policy": policy} if policy else {}
        tags = [{"Key": "tenant", "Value": slug}]
        found = self.root("sts").assume_role(RoleArn=ROLE, RoleSessionName=f"test-{len(slug)}", Tags=tags, **narrowed)["Credentials"]
        names = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key", "SessionToken": "aws_session_token"}
        return connect(self.address, service, **{names[key]: found[key] for key in names})


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running.aws(tmp_path_factory.mktemp("home") / "aws") as address:
        s3, iam = connect(address, "s3"), connect(address, "iam")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        flags = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(flags, True))
        s3.put_bucket_policy(Bucket=BUCKET, Policy=tls_policy(ARN))
        for key in (OWN, BRANDING):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"acme's")
        version = s3.put_object(Bucket=BUCKET, Key="tenants/beta/secret", Body=b"beta's", Tagging="class=secret")["VersionId"]
        iam.create_role(RoleName="assets", AssumeRolePolicyDocument=trust_policy(ACCOUNT))
        iam.put_role_policy(RoleName="assets", PolicyName="prefix", PolicyDocument=prefix_policy(ARN))
        yield Account(address, version)


def refused(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """The code of a call that has to be refused."""
    with pytest.raises(ClientError) as failure:
        call(*args, **kwargs)
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    return str(failure.value.response["Error"]["Code"])


def fetch(url: str, method: str = "GET", data: bytes | None = None) -> int:
    """The HTTP status of a plain request."""
    return httpx.request(method, url, content=data).status_code


def test_own_prefix(account: Account) -> None:
    """A tenant puts, lists, gets, copies and deletes below its own prefix, whatever the characters of the key."""
    acme, key = account.tenant("acme"), "tenants/acme/branding b/ü+%&=?.txt"
    acme.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    acme.put_object(Bucket=BUCKET, Key="tenants/acme/files/branding/x", Body=b"x")
    assert acme.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"x"
    acme.copy_object(Bucket=BUCKET, Key="tenants/acme/copy", CopySource={"Bucket": BUCKET, "Key": key})
    listed = acme.list_objects_v2(Bucket=BUCKET, Prefix="tenants/acme/")["Contents"]
    made = {key, "tenants/acme/copy", "tenants/acme/files/branding/x"}
    assert {entry["Key"] for entry in listed} == {OWN, BRANDING, *made}
    acme.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": one} for one in made]})
    assert account.tenant("acme").list_objects_v2(Bucket=BUCKET, Prefix="tenants/acme/")["KeyCount"] == 2


BRAND: dict[str, Callable[[Any, str], Any]] = {
    "put": lambda s3, _: s3.put_object(Bucket=BUCKET, Key=BRANDING, Body=b"<script/>", ContentType="text/html"),
    "put beside": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="tenants/acme/branding/theme.css", Body=b"@import 'x';"),
    "put below": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="tenants/acme/branding/a/b/c", Body=b""),
    "put the folder": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="tenants/acme/branding/", Body=b""),
    "put with tags": lambda s3, _: s3.put_object(Bucket=BUCKET, Key=BRANDING, Body=b"", Tagging="a=b"),
    "put with an ACL": lambda s3, _: s3.put_object(Bucket=BUCKET, Key=BRANDING, Body=b"", ACL="public-read"),
    "copy over": lambda s3, _: s3.copy_object(Bucket=BUCKET, Key=BRANDING, CopySource={"Bucket": BUCKET, "Key": OWN}),
    "copy onto itself": lambda s3, _: s3.copy_object(
        Bucket=BUCKET, Key=BRANDING, CopySource={"Bucket": BUCKET, "Key": BRANDING}, MetadataDirective="REPLACE", ContentType="text/html"
    ),
    "upload in parts": lambda s3, _: s3.create_multipart_upload(Bucket=BUCKET, Key=BRANDING),
    "upload a part": lambda s3, _: s3.upload_part(Bucket=BUCKET, Key=BRANDING, UploadId="x", PartNumber=1, Body=b""),
    "complete": lambda s3, _: s3.complete_multipart_upload(Bucket=BUCKET, Key=BRANDING, UploadId="x", MultipartUpload={"Parts": []}),
    "abort": lambda s3, _: s3.abort_multipart_upload(Bucket=BUCKET, Key=BRANDING, UploadId="x"),
    "delete": lambda s3, _: s3.delete_object(Bucket=BUCKET, Key=BRANDING),
    "delete the version": lambda s3, version: s3.delete_object(Bucket=BUCKET, Key=BRANDING, VersionId=version),
    "delete many": lambda s3, _: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": OWN + "-not"}, {"Key": BRANDING}]}),
    "tag": lambda s3, _: s3.put_object_tagging(Bucket=BUCKET, Key=BRANDING, Tagging={"TagSet": []}),
    "tag the version": lambda s3, version: s3.put_object_tagging(Bucket=BUCKET, Key=BRANDING, VersionId=version, Tagging={"TagSet": []}),
    "delete the tags": lambda s3, _: s3.delete_object_tagging(Bucket=BUCKET, Key=BRANDING),
    "acl": lambda s3, _: s3.put_object_acl(Bucket=BUCKET, Key=BRANDING, ACL="public-read"),
    "retention": lambda s3, _: s3.put_object_retention(Bucket=BUCKET, Key=BRANDING, Retention={"Mode": "GOVERNANCE"}),
    "legal hold": lambda s3, _: s3.put_object_legal_hold(Bucket=BUCKET, Key=BRANDING, LegalHold={"Status": "ON"}),
    "restore": lambda s3, _: s3.restore_object(Bucket=BUCKET, Key=BRANDING, RestoreRequest={"Days": 1}),
}


@pytest.mark.parametrize("attempt", list(BRAND))
def test_branding_is_only_read(account: Account, attempt: str) -> None:
    """What is made from the tenant's file after checks is not replaced, changed or taken away by a session, but read."""
    acme, before = account.tenant("acme"), account.root("s3").head_object(Bucket=BUCKET, Key=BRANDING)
    assert refused(BRAND[attempt], acme, before["VersionId"]) in ("AccessDenied", "403")
    kept = acme.get_object(Bucket=BUCKET, Key=BRANDING)
    assert (kept["Body"].read(), kept["VersionId"]) == (b"acme's", before["VersionId"])
    assert acme.get_object(Bucket=BUCKET, Key=BRANDING, VersionId=before["VersionId"])["ContentType"] == before["ContentType"]


def test_branding_stays_read_only_whatever_is_allowed_beside_it(account: Account) -> None:
    """A policy that allows everything, attached to the role or to the bucket, does not open it."""
    root, iam = account.root("s3"), account.root("iam")
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.put_role_policy(RoleName="assets", PolicyName="wide", PolicyDocument=document(everything))
    root.put_bucket_policy(Bucket=BUCKET, Policy=document({**everything, "Principal": "*"}))
    try:
        acme = account.tenant("acme")
        assert acme.get_object(Bucket=BUCKET, Key="tenants/beta/secret")["Body"].read() == b"beta's"  # so wide is it
        for attempt in ("put", "delete", "tag", "delete the version"):
            version = root.head_object(Bucket=BUCKET, Key=BRANDING)["VersionId"]
            assert refused(BRAND[attempt], acme, version) == "AccessDenied"
    finally:
        root.put_bucket_policy(Bucket=BUCKET, Policy=tls_policy(ARN))
        iam.delete_role_policy(RoleName="assets", PolicyName="wide")


FOREIGN: dict[str, Callable[[Any, str], Any]] = {
    "get": lambda s3, _: s3.get_object(Bucket=BUCKET, Key="tenants/beta/secret"),
    "get version": lambda s3, version: s3.get_object(Bucket=BUCKET, Key="tenants/beta/secret", VersionId=version),
    "head": lambda s3, _: s3.head_object(Bucket=BUCKET, Key="tenants/beta/secret"),
    "head absent": lambda s3, _: s3.head_object(Bucket=BUCKET, Key="tenants/beta/absent"),
    "attributes": lambda s3, _: s3.get_object_attributes(Bucket=BUCKET, Key="tenants/beta/secret", ObjectAttributes=["ETag"]),
    "put": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="tenants/beta/new", Body=b"x"),
    "put beside": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="tenants/acme-evil/x", Body=b"x"),
    "put at the root": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="x", Body=b"x"),
    "delete": lambda s3, _: s3.delete_object(Bucket=BUCKET, Key="tenants/beta/secret"),
    "delete version": lambda s3, version: s3.delete_object(Bucket=BUCKET, Key="tenants/beta/secret", VersionId=version),
    "delete many": lambda s3, _: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "tenants/beta/secret"}]}),
    "list": lambda s3, _: s3.list_objects_v2(Bucket=BUCKET, Prefix="tenants/beta/"),
    "list v1": lambda s3, _: s3.list_objects(Bucket=BUCKET, Prefix="tenants/beta/"),
    "list all": lambda s3, _: s3.list_objects_v2(Bucket=BUCKET),
    "list tenants": lambda s3, _: s3.list_objects_v2(Bucket=BUCKET, Prefix="tenants/", Delimiter="/"),
    "list by a wildcard": lambda s3, _: s3.list_objects_v2(Bucket=BUCKET, Prefix="tenants/*"),
    "list versions": lambda s3, _: s3.list_object_versions(Bucket=BUCKET, Prefix="tenants/beta/"),
    "list uploads": lambda s3, _: s3.list_multipart_uploads(Bucket=BUCKET),
    "list buckets": lambda s3, _: s3.list_buckets(),
    "copy out": lambda s3, _: s3.copy_object(
        Bucket=BUCKET, Key="tenants/acme/x", CopySource={"Bucket": BUCKET, "Key": "tenants/beta/secret"}
    ),
    "copy in": lambda s3, _: s3.copy_object(Bucket=BUCKET, Key="tenants/beta/x", CopySource={"Bucket": BUCKET, "Key": "tenants/acme/own"}),
    "tags": lambda s3, _: s3.get_object_tagging(Bucket=BUCKET, Key="tenants/beta/secret"),
    "tag": lambda s3, _: s3.put_object_tagging(Bucket=BUCKET, Key="tenants/beta/secret", Tagging={"TagSet": []}),
    "acl": lambda s3, _: s3.get_object_acl(Bucket=BUCKET, Key="tenants/beta/secret"),
    "upload": lambda s3, _: s3.create_multipart_upload(Bucket=BUCKET, Key="tenants/beta/big"),
    "read policy": lambda s3, _: s3.get_bucket_policy(Bucket=BUCKET),
    "open the bucket": lambda s3, _: s3.put_bucket_policy(Bucket=BUCKET, Policy=prefix_policy(ARN)),
    "lift the block": lambda s3, _: s3.delete_public_access_block(Bucket=BUCKET),
    "stop versions": lambda s3, _: s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}),
    "delete the bucket": lambda s3, _: s3.delete_bucket(Bucket=BUCKET),
    "make a bucket": lambda s3, _: s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": REGION}),
}


@pytest.mark.parametrize("attempt", list(FOREIGN))
def test_everything_else(account: Account, attempt: str) -> None:
    """Nothing of another tenant or of the bucket itself is within reach, and nothing was changed by the attempt."""
    assert refused(FOREIGN[attempt], account.tenant("acme"), account.beta_version) in ("AccessDenied", "403")
    kept = account.root("s3").get_object(Bucket=BUCKET, Key="tenants/beta/secret")
    assert (kept["Body"].read(), kept["VersionId"], kept["TagCount"]) == (b"beta's", account.beta_version, 1)


@pytest.mark.parametrize("slug", ["*", "acme*", "?eta", "../beta", "beta/../beta", "${aws:PrincipalTag/tenant}"])
def test_a_tag_is_no_pattern(account: Account, slug: str) -> None:
    """A session tag stands for itself: wildcards and dots in it open no other prefix."""
    s3 = account.tenant(slug)
    assert refused(s3.get_object, Bucket=BUCKET, Key="tenants/beta/secret") == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket=BUCKET, Prefix="tenants/beta/") == "AccessDenied"


def test_presigned_urls(account: Account) -> None:
    """A presigned URL may what its signer may, for this very object, and until it expires."""
    acme, own = account.tenant("acme"), {"Bucket": BUCKET, "Key": "tenants/acme/own"}
    url = acme.generate_presigned_url("get_object", Params=own)
    assert fetch(url) == 200
    assert fetch(url.replace("tenants/acme/own", "tenants/beta/secret")) == 403
    assert fetch(url, "DELETE") == 403
    assert fetch(acme.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "tenants/beta/secret"})) == 403
    assert fetch(acme.generate_presigned_url("put_object", Params=own | {"Key": "tenants/beta/x"}), "PUT", b"x") == 403
    assert fetch(acme.generate_presigned_url("get_object", Params=own, ExpiresIn=0)) == 403
    assert fetch(url.replace("X-Amz-Expires=3600", "X-Amz-Expires=9999")) == 403


def test_unsigned_requests(account: Account) -> None:
    """Nobody without credentials reads a bucket that blocks public access, even if its policy invites everybody."""
    url = f"{account.address}/{BUCKET}/tenants/acme/own"
    assert fetch(url) == 403
    root, everybody = (
        account.root("s3"),
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
    )
    root.put_bucket_policy(Bucket=BUCKET, Policy=document(*json.loads(tls_policy(ARN))["Statement"], everybody))
    try:
        assert fetch(url) == 403
        assert fetch(f"{account.address}/moto-api/reset", "POST", b"") == 404
        assert fetch(f"{account.address}/iam_us-east-1/x") == 403
    finally:
        root.put_bucket_policy(Bucket=BUCKET, Policy=tls_policy(ARN))


def test_an_explicit_deny_wins(account: Account) -> None:
    """What a bucket's policy denies is denied to tenants and administrator alike; the administrator can take the policy back."""
    root = account.root("s3")
    locked = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
    root.put_bucket_policy(Bucket=BUCKET, Policy=document(locked))
    try:
        for client in (root, account.tenant("acme")):
            assert refused(client.get_object, Bucket=BUCKET, Key="tenants/acme/own") == "AccessDenied"
    finally:
        root.put_bucket_policy(Bucket=BUCKET, Policy=tls_policy(ARN))


def test_a_session_policy_narrows(account: Account) -> None:
    """A policy given with AssumeRole takes away and never adds."""
    read_only = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    acme = account.tenant("acme", policy=document(read_only))
    assert acme.get_object(Bucket=BUCKET, Key="tenants/acme/own")["Body"].read() == b"acme's"
    assert refused(acme.put_object, Bucket=BUCKET, Key="tenants/acme/x", Body=b"") == "AccessDenied"
    assert refused(acme.get_object, Bucket=BUCKET, Key="tenants/beta/secret") == "AccessDenied"


def test_assuming_the_role(account: Account) -> None:
    """The role is assumed only with a tenant's tag, only where it exists, and not by a tenant's own session."""
    sts = account.root("sts")
    assert refused(sts.assume_role, RoleArn=ROLE, RoleSessionName="none") == "AccessDenied"
    assert refused(sts.assume_role, RoleArn=f"{ROLE}x", RoleSessionName="none", Tags=[{"Key": "tenant", "Value": "acme"}]) == "AccessDenied"
    acme, beta = account.tenant("acme", "sts"), [{"Key": "tenant", "Value": "beta"}]
    assert refused(acme.assume_role, RoleArn=ROLE, RoleSessionName="hop", Tags=beta) == "AccessDenied"
    assert "assumed-role/assets/" in acme.get_caller_identity()["Arn"]


def test_other_services(account: Account) -> None:
    """A tenant's session may nothing outside S3."""
    secret = account.root("secretsmanager").create_secret(Name="platform", SecretString="s")["ARN"]
    assert refused(account.tenant("acme", "secretsmanager").get_secret_value, SecretId=secret) == "AccessDeniedException"
    assert refused(account.tenant("acme", "iam").list_roles) == "AccessDenied"
    assert refused(account.tenant("acme", "acm").list_certificates) == "AccessDeniedException"
    assert refused(account.tenant("acme", "rds").describe_db_instances) == "AccessDenied"


@pytest.mark.parametrize(
    ("service", "call", "unknown"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("acm", "list_certificates", "UnrecognizedClientException"),
    ],
)
def test_wrong_credentials(account: Account, service: str, call: str, unknown: str) -> None:
    """An unknown key and a wrong secret are refused with AWS's own codes."""
    nobody = {"aws_access_key_id": "AKIANOBODY", "aws_secret_access_key": "x"}
    assert refused(getattr(connect(account.address, service, **nobody), call)) == unknown
    wrong = running.ROOT | {"aws_secret_access_key": "wrong"}
    assert refused(getattr(connect(account.address, service, **wrong), call)) == "SignatureDoesNotMatch"


def test_a_session_needs_its_token(account: Account) -> None:
    """Temporary keys without their session token, or with another's, are refused."""
    tags = [{"Key": "tenant", "Value": "acme"}]
    found = account.root("sts").assume_role(RoleArn=ROLE, RoleSessionName="test", Tags=tags)["Credentials"]
    keys = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}
    assert refused(connect(account.address, "s3", **keys).list_buckets) == "InvalidToken"
    assert refused(connect(account.address, "s3", **keys, aws_session_token="other").list_buckets) == "InvalidToken"


def test_smuggling(account: Account) -> None:
    """A parameter given twice and a bucket in the host name, which two layers could read differently, are refused."""
    acme = account.tenant("acme")
    url = acme.generate_presigned_url("list_objects_v2", Params={"Bucket": BUCKET, "Prefix": "tenants/acme/"})
    assert fetch(url) == 200
    assert fetch(f"{url}&prefix=tenants/beta/") == 400
    host = {"Host": f"{BUCKET}.s3.amazonaws.com"}
    assert httpx.get(f"{account.address}/tenants/beta/secret", headers=host).status_code == 400
