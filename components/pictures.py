"""Pictures on their way to the bucket: what is published of a declared file, as a file for the engine."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tenantry import naming
from tenantry.clients import objects
from tenantry.declaration import TenantDeclaration, branding
from tenantry.declaration.assets import published


class Picture(NamedTuple):
    """A picture as it is published."""

    file: Path
    md5: str
    """As hex digits: what S3 says of an object that it has as we put it."""


class Pictures:
    """The pictures that one run of the program publishes, in a folder that goes with the program.

    A file and not its text: the engine keeps texts in the state, twice, and of a file only the hash.
    """

    def __init__(self, directory: Path) -> None:
        """``directory``: what asset paths are relative to."""
        self._directory = directory

    def of(self, path: str) -> Picture:
        """The picture at ``path``, an ``AssetPath``."""
        content = self._content(path)
        file = self._folder / f"{hashlib.sha256(content).hexdigest()}{Path(path).suffix}"
        if not file.exists():
            file.write_bytes(content)
        return Picture(file, md5(content))

    def _content(self, path: str) -> bytes:
        return published(self._directory, path)

    @cached_property
    def _folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="tenantry-pictures-"))  # 0700
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder


class PublishedPictures(Pictures):
    """The pictures of a tenant that stays as it is, whatever the checkout has at their paths: those that are in the bucket."""

    def __init__(self, declaration: TenantDeclaration, bucket: str) -> None:
        """``declaration`` is the one that was made last."""
        self._bucket = bucket
        prefix = naming.object_prefix(declaration.slug)
        self._keys = {path: branding.asset_key(prefix, kind, path) for kind, path in branding.assets(declaration).items()}

    def _content(self, path: str) -> bytes:
        body: bytes = objects.opened(self._bucket, self._keys[path])["Body"].read()
        return body


def md5(content: bytes) -> str:
    """The ETag of an object with this content, as the bucket encrypts it (SSE-S3)."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
