"""CellBucket: the private bucket of a cell, and the role that reaches exactly one tenant's prefix in it."""

from __future__ import annotations

import json
from typing import TypedDict

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
from tenantry.declaration import naming
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
        BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=[
                {
                    "id": "forget-old-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrentVersionExpiration": {"noncurrentDays": NONCURRENT_DAYS},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                }
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=guards),
        )
        role = Role(
            f"{name}-assets-role",
            name=naming.assets_role(settings.bucket_prefix, cell),
            # Whoever assumes it must say for which tenant, and cannot change that for the session.
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{settings.account_id}:root"},
                            "Action": ["sts:AssumeRole", "sts:TagSession"],
                            "Condition": {"StringLike": {"aws:RequestTag/tenant": "?*"}},
                        }
                    ],
                }
            ),
            tags={MARK: f"cell-{cell}"},
            opts=pulumi.ResourceOptions(parent=self, import_=adopt(f"{name}-assets-role")),
        )
        prefix = "tenants/${aws:PrincipalTag/tenant}/*"
        RolePolicy(
            f"{name}-assets-policy",
            name="one-tenant-prefix",
            role=role.name,
            policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"],
                            "Resource": f"{arn}/{prefix}",
                        },
                        {
                            "Effect": "Allow",
                            "Action": "s3:ListBucket",
                            "Resource": arn,
                            "Condition": {"StringLike": {"s3:prefix": prefix}},
                        },
                    ],
                }
            ),
            opts=plain,
        )
        self.bucket = pulumi.Output.all(bucket.bucket, *[guard.urn for guard in guards]).apply(lambda values: str(values[0]))
        self.assets_role = role.arn
        self.register_outputs({"bucket": bucket.bucket, "assets_role": role.arn})


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
        policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "TlsOnly",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [arn, f"{arn}/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        ),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=guards),
    )
    return guards
