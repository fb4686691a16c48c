"""CellBucket: the private bucket of a cell, and the role that reaches exactly one tenant's prefix in it."""

from __future__ import annotations

import json
from typing import Any, TypedDict

import pulumi

from components.adoption import Adoption
from components.aws import (
    Bucket,
    BucketLifecycleConfiguration,
    BucketOwnershipControls,
    BucketPolicy,
    BucketPublicAccessBlock,
    BucketServerSideEncryptionConfiguration,
    BucketVersioning,
    Role,
    RolePolicy,
)
from components.edge import MARK
from tenantry import naming
from tenantry.declaration import branding
from tenantry.settings import PlatformSettings

NONCURRENT_DAYS = 90  # how long an overwritten or deleted object can be had back


class CellBucketArgs(TypedDict):
    cell: str
    settings: PlatformSettings
    adoption: Adoption


class CellBucket(pulumi.ComponentResource):
    """Private, versioned, encrypted, TLS only. A session of ``assets_role`` tagged ``tenant=<slug>`` sees ``tenants/<slug>/`` alone."""

    bucket: pulumi.Output[str]
    """The bucket's name, known once the bucket is private and versioned."""
    assets_role: pulumi.Output[str]
    """ARN of the role to assume with the session tag ``tenant``."""

    def __init__(self, name: str, args: CellBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:platform:CellBucket", name, None, opts)
        settings, cell = args["settings"], args["cell"]
        adopt = args["adoption"].of
        physical = naming.bucket(settings.bucket_prefix, cell)
        arn = f"arn:aws:s3:::{physical}"
        plain = pulumi.ResourceOptions(parent=self)

        bucket = Bucket(
            name,
            bucket=physical,
            tags={MARK: f"cell-{cell}"},
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protects, import_=adopt(name)),
        )
        guards = guarded(name, bucket, arn, self)
        forget_old_versions(name, bucket, NONCURRENT_DAYS, pulumi.ResourceOptions(parent=self, depends_on=guards))
        role = Role(
            f"{name}-assets-role",
            name=naming.assets_role(settings.bucket_prefix, cell),
            assume_role_policy=trust_policy(settings.account_id),
            tags={MARK: f"cell-{cell}"},
            opts=pulumi.ResourceOptions(parent=self, import_=adopt(f"{name}-assets-role")),
        )
        RolePolicy(
            f"{name}-assets-policy",
            name="one-tenant-prefix",
            role=role.name,
            policy=prefix_policy(arn),
            opts=plain,
        )
        self.bucket = pulumi.Output.all(bucket.bucket, *[guard.urn for guard in guards]).apply(lambda values: str(values[0]))
        self.assets_role = role.arn
        self.register_outputs({"bucket": bucket.bucket, "assets_role": role.arn})


def trust_policy(account_id: str) -> str:
    """Who may assume the role: whoever the account lets, and says for which tenant, which cannot be changed for the session."""
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringLike": {"aws:RequestTag/tenant": "?*"}},
        }
    )


def prefix_policy(arn: str) -> str:
    """What a tenant's session may do in the bucket ``arn``: everything it needs below its own prefix, but only read its branding."""
    prefix = "tenants/${aws:PrincipalTag/tenant}/"
    return _document(
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"],
            "Resource": f"{arn}/{prefix}*",
        },
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": arn,
            "Condition": {"StringLike": {"s3:prefix": f"{prefix}*"}},
        },
        # Branding is made from the tenant's file, after checks that an upload would pass round. Whatever is not reading is meant, also what
        # nobody allows today (tags, ACLs, versions): an explicit deny stands against a policy that someone attaches later.
        {
            "Sid": "BrandingIsReadOnly",
            "Effect": "Deny",
            "NotAction": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": f"{arn}/{prefix}{branding.FOLDER}*",
        },
    )


def tls_policy(arn: str) -> str:
    """The bucket's own policy: nobody comes without TLS."""
    return _document(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def forget_old_versions(name: str, bucket: Bucket, days: int, opts: pulumi.ResourceOptions) -> None:
    """Lets what was overwritten or deleted so many days ago go, and what of an upload was left half-done."""
    BucketLifecycleConfiguration(
        f"{name}-lifecycle",
        bucket=bucket.bucket,
        rules=[
            {
                "id": "forget-old-versions",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "noncurrentVersionExpiration": {"noncurrentDays": days},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
            }
        ],
        opts=opts,
    )


def guarded(name: str, bucket: Bucket, arn: str, parent: pulumi.Resource) -> list[pulumi.Resource]:
    """Makes a bucket private, versioned, encrypted and reachable over TLS only; what has to be there before it is used."""
    plain = pulumi.ResourceOptions(parent=parent)
    guards: list[pulumi.Resource] = [
        BucketPublicAccessBlock(
            f"{name}-private",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=plain,
        ),
        BucketOwnershipControls(f"{name}-owner", bucket=bucket.bucket, rule={"objectOwnership": "BucketOwnerEnforced"}, opts=plain),
        BucketVersioning(f"{name}-versioning", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"}, opts=plain),
        BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
            opts=plain,
        ),
    ]
    BucketPolicy(
        f"{name}-tls",
        bucket=bucket.bucket,
        policy=tls_policy(arn),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=guards),
    )
    return guards
