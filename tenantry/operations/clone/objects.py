"""Copies the objects that the classification lets across: inside S3, without their metadata. Branding never is among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tenantry.clients import aws
from tenantry.declaration import branding
from tenantry.stores.tenant_store import TenantStore


def copy(source: TenantStore, target: TenantStore, prefixes: Sequence[str], tell: Callable[[str], None]) -> int:
    """Objects copied. Copied again, an object replaces itself."""
    s3, copied = aws.client("s3"), 0
    with aws.explained(f"objects of {source.slug}"):
        for key in _keys(source, prefixes):
            head = s3.head_object(Bucket=source.bucket, Key=key)
            # User metadata and tags can hold anything: only the type crosses. In parts where one request does not copy as much (5 GB).
            s3.copy(
                {"Bucket": source.bucket, "Key": key},
                target.bucket,
                target.prefix + key.removeprefix(source.prefix),
                {
                    "MetadataDirective": "REPLACE",
                    "ContentType": head.get("ContentType", "application/octet-stream"),
                    "TaggingDirective": "REPLACE",
                    "Tagging": f"tenantry={target.slug}",
                },
            )
            copied += 1
            tell(f"{copied:,} objects")
    return copied


def _keys(source: TenantStore, prefixes: Sequence[str]) -> Iterator[str]:
    for prefix in prefixes:
        for page in aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.prefix + prefix):
            keys = (entry["Key"] for entry in page.get("Contents", ()))
            # Also where only the beginning of its name is classified.
            yield from (key for key in keys if not key.startswith(source.prefix + branding.FOLDER))
