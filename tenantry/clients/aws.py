"""What Tenantry asks AWS outside of Pulumi: an account's password, and what a killed run left behind."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from tenantry.errors import WorkError


@cache
def client(service: str) -> Any:
    """boto3's client, configured by AWS's own environment variables (AWS_ENDPOINT_URL among them)."""
    import boto3
    from botocore.config import Config

    # boto3 itself reads AWS_DEFAULT_REGION only; every other AWS tool, and Pulumi's plugin, reads AWS_REGION.
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return boto3.client(
        service, region_name=region, config=Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "max_attempts": 4})
    )


def secret(arn: str) -> str:
    """The current text of a secret. ``WorkError`` when it cannot be read."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise WorkError(f"secret {arn} cannot be read: {error}", "check the AWS credentials and secretsmanager:GetSecretValue") from error


def _tagged(tags: list[dict[str, str]], mark: str) -> bool:
    return {"Key": "tenantry", "Value": mark} in tags


def find_certificate(domain: str, mark: str) -> str | None:
    """ARN of our certificate for ``domain``, or None."""
    acm = client("acm")
    for page in acm.get_paginator("list_certificates").paginate():
        for entry in page["CertificateSummaryList"]:
            arn = str(entry["CertificateArn"])
            if entry["DomainName"] == domain and _tagged(acm.list_tags_for_certificate(CertificateArn=arn)["Tags"], mark):
                return arn
    return None


def find_bucket(name: str, mark: str) -> str | None:
    """The bucket's name when it exists and is ours."""
    from botocore.exceptions import ClientError

    try:
        tags = client("s3").get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError:  # none of that name, none of ours, or made and killed before it was tagged: then AWS says so on create
        return None
    return name if _tagged(tags, mark) else None


def find_role(name: str, mark: str) -> str | None:
    """The IAM role's name when it exists and is ours."""
    iam = client("iam")
    try:
        tags = iam.list_role_tags(RoleName=name)["Tags"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return name if _tagged(tags, mark) else None


def describe_server(identifier: str, mark: str) -> dict[str, Any] | None:
    """RDS's description of a database server when it exists and is ours."""
    rds = client("rds")
    try:
        server: dict[str, Any] = rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
    except rds.exceptions.DBInstanceNotFoundFault:
        return None
    return server if _tagged(server.get("TagList", []), mark) else None


def find_server(identifier: str, mark: str) -> str | None:
    """The database server's identifier when it exists and is ours."""
    return identifier if describe_server(identifier, mark) else None
