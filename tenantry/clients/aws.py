"""What Tenantry asks AWS outside of Pulumi: an account's password, and what a killed run left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import get_ident
from typing import Any

from tenantry import waiting
from tenantry.errors import InputError, TransientError, WorkError


@cache
def client(service: str) -> Any:
    """boto3's client, configured by AWS's own environment variables (AWS_ENDPOINT_URL among them)."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    # boto3 itself reads AWS_DEFAULT_REGION only; every other AWS tool, and Pulumi's plugin, reads AWS_REGION.
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    # An endpoint that is away is given up after a minute: three attempts of 20 s at most, and the pauses between them.
    limits = Config(connect_timeout=10, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
    try:
        made = boto3.client(service, region_name=region, config=limits)
    except NoRegionError:
        raise InputError("no AWS region: AWS_REGION is not set", 'set it, or run: eval "$(tenantry local env)"') from None
    waits: dict[int, int] = {}  # by thread: a client is used by several

    def begin(model: Any, **_: Any) -> None:
        waits[get_ident()] = waiting.begin(f"AWS ({service} {model.name})")

    def end(**_: Any) -> None:
        waiting.end(waits.pop(get_ident(), None))

    for event, work in (("before-call", begin), ("after-call", end), ("after-call-error", end)):
        made.meta.events.register(f"{event}.*.*", work)
    return made


def secret(arn: str) -> str:
    """The current text of a secret. ``WorkError`` when it cannot be read."""
    with explained(f"secret {arn}"):
        return str(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def find_secret(name: str) -> str | None:
    """The current text of the secret of that name, or None when there is none."""
    manager = client("secretsmanager")
    with explained(f"secret {name}"):
        try:
            return str(manager.get_secret_value(SecretId=name)["SecretString"])
        except manager.exceptions.ResourceNotFoundException:
            return None


def make_secret(name: str, text: str) -> str:
    """Makes the secret, or leaves the one that someone made meanwhile; the text that it holds now."""
    manager = client("secretsmanager")
    with explained(f"secret {name}"):
        try:
            manager.create_secret(Name=name, SecretString=text, Tags=[{"Key": "tenantry", "Value": "platform"}])
        except manager.exceptions.ResourceExistsException:
            return str(manager.get_secret_value(SecretId=name)["SecretString"])
    return text


def put_secret(name: str, text: str) -> None:
    """Gives the secret a new text; makes it where there is none."""
    manager = client("secretsmanager")
    with explained(f"secret {name}"):
        try:
            manager.put_secret_value(SecretId=name, SecretString=text)
            return
        except manager.exceptions.ResourceNotFoundException:
            pass
    make_secret(name, text)


def _tagged(tags: list[dict[str, str]], mark: str) -> bool:
    return {"Key": "tenantry", "Value": mark} in tags


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns what boto3 raises into ``WorkError``."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if isinstance(error, ClientError) else 0
        passing = isinstance(error, HTTPClientError | NoConnection) or status == 429 or status >= 500
        raise (TransientError if passing else WorkError)(f"{what}: {error}", _hint(error)) from error


def _hint(error: Exception) -> str:
    """What to do about it: a refusal says who is refused, all else whether anybody is there."""
    code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
    if code in ("RequestTimeTooSkewed", "RequestExpired"):
        return "set the clock of this machine right, then run the same command again"
    if code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"):
        return "the credentials may not do that (docs/aws-policy.md), or the clock of this machine is wrong"
    return "check the AWS credentials and address, then run the same command again"


def find_certificate(domain: str, mark: str) -> str | None:
    """ARN of our certificate for ``domain``, or None."""
    acm = client("acm")
    with explained("certificates"):
        for page in acm.get_paginator("list_certificates").paginate():
            for entry in page["CertificateSummaryList"]:
                arn = str(entry["CertificateArn"])
                if entry["DomainName"] == domain and _tagged(acm.list_tags_for_certificate(CertificateArn=arn)["Tags"], mark):
                    return arn
    return None


def find_bucket(name: str, mark: str) -> str | None:
    """The bucket's name when it exists and is ours: marked, or bare and empty as a run leaves it that is killed before it marks."""
    from botocore.exceptions import ClientError

    s3 = client("s3")
    with explained(f"bucket {name}"):
        try:
            return name if _tagged(s3.get_bucket_tagging(Bucket=name)["TagSet"], mark) else None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NoSuchTagSet":
                return name if s3.list_objects_v2(Bucket=name, MaxKeys=1)["KeyCount"] == 0 else None
            if code in ("NoSuchBucket", "AccessDenied"):  # none of that name, or another account's: then AWS says so on create
                return None
            raise


def find_role(name: str, mark: str) -> str | None:
    """The IAM role's name when it exists and is ours."""
    iam = client("iam")
    with explained(f"IAM role {name}"):
        try:
            tags = iam.list_role_tags(RoleName=name)["Tags"]
        except iam.exceptions.NoSuchEntityException:
            return None
    return name if _tagged(tags, mark) else None


def describe_server(identifier: str, mark: str) -> dict[str, Any] | None:
    """RDS's description of a database server when it exists and is ours."""
    rds = client("rds")
    with explained(f"database server {identifier}"):
        try:
            server: dict[str, Any] = rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
        except rds.exceptions.DBInstanceNotFoundFault:
            return None
    return server if _tagged(server.get("TagList", []), mark) else None


def find_server(identifier: str, mark: str) -> str | None:
    """The database server's identifier when it exists and is ours."""
    return identifier if describe_server(identifier, mark) else None
