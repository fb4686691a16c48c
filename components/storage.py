"""TenantStorage: a tenant's prefix in its cell's bucket, with its branding."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TypedDict

import pulumi
from pulumi_aws import s3

from components.edge import MARK
from components.lean import LeanProperties
from tenantry import branding
from tenantry.declaration import TenantDeclaration, naming

CACHE = "private, max-age=300"


class BrandingObject(s3.BucketObjectv2, LeanProperties):
    """An object that is only written."""


class TenantStorageArgs(TypedDict):
    declaration: TenantDeclaration
    bucket: pulumi.Input[str]
    assets: Path
    """The folder that asset paths are relative to."""


class TenantStorage(pulumi.ComponentResource):
    """The declared assets, and a manifest and style sheet made from the declaration, as objects under the tenant's prefix."""

    def __init__(self, name: str, args: TenantStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:tenant:TenantStorage", name, None, opts)
        declaration = args["declaration"]
        prefix = naming.object_prefix(declaration.slug)
        tags = {MARK: declaration.slug}
        child = pulumi.ResourceOptions(parent=self)
        BrandingObject(
            f"{name}-manifest",
            bucket=args["bucket"],
            key=f"{prefix}branding/manifest.json",
            content=branding.manifest(declaration, prefix),
            content_type="application/json",
            cache_control=CACHE,
            tags=tags,
            opts=child,
        )
        BrandingObject(
            f"{name}-theme",
            bucket=args["bucket"],
            key=f"{prefix}branding/theme.css",
            content=branding.stylesheet(declaration),
            content_type="text/css; charset=utf-8",
            cache_control=CACHE,
            tags=tags,
            opts=child,
        )
        for kind, path in branding.assets(declaration).items():
            BrandingObject(
                f"{name}-{kind}",
                bucket=args["bucket"],
                key=branding.asset_key(prefix, kind, path),
                source=pulumi.FileAsset(str(args["assets"] / path)),
                content_type=mimetypes.guess_type(path)[0] or "application/octet-stream",
                cache_control=CACHE,
                tags=tags,
                opts=child,
            )
        self.register_outputs({"prefix": prefix})
