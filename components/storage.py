"""A tenant's prefix in its cell's bucket, with its branding."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import pulumi

from components.aws import BucketObjectv2
from components.edge import MARK
from components.lean import LeanProperties
from tenantry import branding
from tenantry.declaration import TenantDeclaration, naming
from tenantry.declaration.assets import content_type

CACHE = "private, max-age=300"


class BrandingObject(BucketObjectv2, LeanProperties):  # type: ignore[misc]  # the official SDKs are not followed
    """An object that is only written."""


class TenantStorageArgs(TypedDict):
    declaration: TenantDeclaration
    bucket: pulumi.Input[str]
    assets: Path
    """The folder that asset paths are relative to."""


def tenant_storage(name: str, args: TenantStorageArgs, opts: pulumi.ResourceOptions) -> None:
    """Registers the declared assets, and a manifest and style sheet made from the declaration, as objects under the tenant's prefix.

    ``opts`` are each object's own. No component stands around them: every tenant has them, and every registration costs each run.
    """
    declaration = args["declaration"]
    prefix = naming.object_prefix(declaration.slug)
    common: dict[str, Any] = {
        "bucket": args["bucket"],
        "cache_control": CACHE,
        "tags": {MARK: declaration.slug},
        "opts": opts,
    }
    BrandingObject(
        f"{name}-manifest",
        key=f"{prefix}{branding.FOLDER}manifest.json",
        content=branding.manifest(declaration, prefix),
        content_type="application/json",
        **common,
    )
    BrandingObject(
        f"{name}-theme",
        key=f"{prefix}{branding.FOLDER}theme.css",
        content=branding.stylesheet(declaration),
        content_type="text/css; charset=utf-8",
        **common,
    )
    for kind, path in branding.assets(declaration).items():
        BrandingObject(
            f"{name}-{kind}",
            key=branding.asset_key(prefix, kind, path),
            source=pulumi.FileAsset(str(args["assets"] / path)),
            content_type=content_type(path),
            **common,
        )
