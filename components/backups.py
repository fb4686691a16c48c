"""BackupBucket: where all tenants' backups are. There is one, in the cell `main`."""

from __future__ import annotations

from typing import Final, TypedDict

import pulumi

from components.adoption import Adoption
from components.aws import Bucket, BucketObjectLockConfiguration
from components.bucket import forget_old_versions, guarded
from components.edge import MARK
from tenantry import naming
from tenantry.settings import PlatformSettings

LOCK_DAYS: Final = 35
"""How long a lock holds each object: every daily and weekly backup has a successor by then."""


class BackupBucketArgs(TypedDict):
    settings: PlatformSettings
    adoption: Adoption


class BackupBucket(pulumi.ComponentResource):
    """Private, versioned, encrypted, TLS only; with ``tenantry:backupLock`` nobody deletes an object before its time."""

    def __init__(self, name: str, args: BackupBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:platform:BackupBucket", name, None, opts)
        settings = args["settings"]
        physical = naming.backup_bucket(settings.bucket_prefix)
        bucket = Bucket(
            name,
            bucket=physical,
            # It can be asked for on creation only and does nothing by itself: so a later change of the setting replaces nothing.
            object_lock_enabled=True,
            tags={MARK: "backups"},
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protects, import_=args["adoption"].of(name)),
        )
        guards = guarded(name, bucket, f"arn:aws:s3:::{physical}", self)
        behind = pulumi.ResourceOptions(parent=self, depends_on=guards)
        # Pruning deletes versions by id. This is for what was overwritten or deleted in any other way.
        forget_old_versions(name, bucket, LOCK_DAYS, behind)
        if settings.backup_lock != "none":
            BucketObjectLockConfiguration(
                f"{name}-lock",
                bucket=bucket.bucket,
                rule={"defaultRetention": {"mode": settings.backup_lock.upper(), "days": LOCK_DAYS}},
                opts=behind,
            )
        self.register_outputs({"bucket": bucket.bucket})
