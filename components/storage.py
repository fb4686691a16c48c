"""A tenant's prefix in its cell's bucket, with its branding."""

from __future__ import annotations

from typing import Any, TypedDict

import pulumi

from components.aws import BucketObjectv2
from components.edge import MARK
from components.lean import LeanProperties
from components.pictures import Pictures, md5
from tenantry import naming
from tenantry.declaration import TenantDeclaration, branding
from tenantry.declaration.assets import content_type

CACHE = "private, max-age=300"


class BrandingObject(BucketObjectv2, LeanProperties):  # type: ignore[misc]  # the official SDKs are not followed
    """An object that is only written."""


class TenantStorageArgs(TypedDict):
    declaration: TenantDeclaration
    bucket: pulumi.Input[str]
    pictures: Pictures


def tenant_storage(name: str, args: TenantStorageArgs, opts: pulumi.ResourceOptions) -> None:
    """Registers the declared assets, and a manifest and style sheet made from the declaration, as objects under the tenant's prefix.

    ``opts`` are each object's own. No component stands around them: every tenant has them, and every registration costs each run.
    """
    declaration = args["declaration"]
    prefix = naming.object_prefix(declaration.slug)
    common: dict[str, Any] = {
        "bucket": args["bucket"],
        "cache_control": CACHE,
        "metadata": branding.HEADERS,
        "tags": {MARK: declaration.slug},
        "opts": opts,
    }
    texts = {
        "manifest": ("manifest.json", branding.manifest(declaration, prefix), "application/json"),
        "theme": ("theme.css", branding.stylesheet(declaration), "text/css; charset=utf-8"),
    }
    for kind, (file, text, media_type) in texts.items():
        BrandingObject(
            f"{name}-{kind}",
            key=f"{prefix}{branding.FOLDER}{file}",
            content=text,
            content_type=media_type,
            # Said, so that a refresh finds an object that was replaced: of the content itself the provider compares only its own copy.
            etag=md5(text.encode()),
            **common,
        )
    for kind, path in branding.assets(declaration).items():
        picture = args["pictures"].of(path)
        BrandingObject(
            f"{name}-{kind}",
            key=branding.asset_key(prefix, kind, path),
            source=pulumi.FileAsset(str(picture.file)),
            content_type=content_type(path),
            # A browser that is led to the object itself saves it; <img> shows it all the same.
            content_disposition="attachment",
            etag=picture.md5,
            **common,
        )
