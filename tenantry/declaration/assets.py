"""Logos and icons: SVG, PNG and ICO files below ``tenants/assets/``, checked by content, not by name."""

from __future__ import annotations

import hashlib
import io
import re
import struct
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator

from tenantry.declaration import bitmap, svg
from tenantry.declaration.yaml_source import CONFLICT
from tenantry.problems import invalid, shown

MAX_BYTES: Final = 512 * 1024
MAX_PIXELS: Final = 2048
COMMON_FOLDER: Final = "shared"
"""``assets/shared/`` belongs to the platform (no tenant can have that slug); every other folder to the tenant of its name."""

CONTENT_TYPES: Final = {"svg": "image/svg+xml", "png": "image/png", "ico": "image/vnd.microsoft.icon"}
LFS: Final = b"version https://git-lfs.github.com/spec/"
"""What git LFS's pointer to a file begins with."""
ALLOWED: Final = {"logo": ("svg", "png"), "favicon": ("svg", "png", "ico")}

_UPLOADED: Final = re.compile(r"uploads/[0-9a-f]{32}\.(svg|png|ico)", re.ASCII)
_BEGINS: Final = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\0\0\1\0", "ico"))

_PATH: Final = re.compile(
    r"assets/([a-z][a-z0-9-]*)/((?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*)\.(svg|png|ico)", re.ASCII
)


def is_asset_path(text: str) -> bool:
    """Whether a text has the form of an asset's path and stays below ``assets/<folder>/``."""
    return len(text) <= 200 and ".." not in text and _PATH.fullmatch(text) is not None


def is_uploaded(text: str) -> bool:
    """Whether a text is the value of a picture that was uploaded at runtime: ``uploads/<the digest of what is published>.<ending>``."""
    return _UPLOADED.fullmatch(text) is not None


def uploaded(use: str, data: bytes) -> tuple[str, bytes]:
    """A picture that somebody sends as a tenant's ``use``: its value, and what is published of it, as of a declared one.

    What it is says its content, not a name. Raises ``PydanticCustomError``.
    """
    kind = next((kind for begins, kind in _BEGINS if data.startswith(begins)), "svg")
    name = f"the {use}"
    _check_kind(use, kind)
    content = _rewritten(data, kind, name)
    return f"uploads/{hashlib.sha256(content).hexdigest()[:32]}.{kind}", content


def _check_kind(use: str, kind: str) -> None:
    if kind not in ALLOWED[use]:
        raise invalid(f"a {use} is {' or '.join(name.upper() for name in ALLOWED[use])}, not {kind.upper()}")


def _path(text: str) -> str:
    if not is_asset_path(text):
        raise invalid(f"{shown(text)} is not an asset", "write assets/<slug>/<file>.svg, .png or .ico")
    return text


AssetPath = Annotated[str, AfterValidator(_path)]
"""``assets/<slug>/<file>``, relative to the folder of the declarations."""


def content_type(path: str) -> str:
    """The media type of an asset's path."""
    return CONTENT_TYPES[path.rpartition(".")[2]]


def check_asset(directory: Path, slug: str, use: str, path: str) -> None:
    """Refuse an asset that is not the tenant's own, missing, too large, or not what its name says.

    ``use`` is ``logo`` or ``favicon``; ``path`` is an ``AssetPath``. Raises ``PydanticCustomError``.
    """
    folder = path.split("/")[1]
    if folder not in (slug, COMMON_FOLDER):
        raise invalid(f"{path} belongs to another tenant", f"put the file into assets/{slug}/")
    _check_kind(use, path.rpartition(".")[2])
    file = directory / path
    root = directory / "assets" / folder
    try:
        # A link out of the folder would publish any file of the machine.
        if not file.resolve().is_relative_to(root.resolve()):
            raise invalid(f"{path} leads out of assets/{folder}/", "put the file itself there, not a link")
        status = file.stat()
        if not file.is_file():
            raise invalid(f"{path} is not a file")
        if status.st_size > MAX_BYTES:
            raise _too_large(path)
        published(directory, path)
    except FileNotFoundError:
        raise invalid(f"{path} does not exist", f"looked in {root}") from None
    except OSError as error:
        raise invalid(f"{path} cannot be read: {error.strerror or error}") from None


def published(directory: Path, path: str) -> bytes:
    """What is published of an asset below ``directory``: written anew from what was checked, the same bytes on every machine.

    Raises ``PydanticCustomError`` as ``check_asset`` does, and ``OSError`` where the file is gone.
    """
    file = directory / path
    status = file.stat()
    return _rewritten_file(str(file), path.rpartition(".")[2], path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1024)
def _rewritten_file(file: str, kind: str, path: str, size: int, changed: int) -> bytes:
    """Size and time of change are part of the cache's key, so that an edited file is looked at again."""
    with Path(file).open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if data.startswith(LFS):
        raise invalid(f"{path} is not the picture but git LFS's pointer to it", "git lfs pull")
    if kind == "svg" and CONFLICT.search(data):
        raise invalid(f"{path} has git's marks of a conflict", "settle the conflict, and take the marks out")
    return _rewritten(data, kind, path)


def _rewritten(data: bytes, kind: str, name: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    if kind == "svg":
        return svg.rewritten(data, name)
    _check_bitmap(data, kind, name)
    try:
        return bitmap.rewritten(data, kind)
    except (ValueError, struct.error) as error:
        raise invalid(f"{name} is a damaged {kind.upper()} image: {error}") from None


def _too_large(path: str) -> Exception:
    return invalid(f"{path} is larger than {MAX_BYTES // 1024} KiB", "make it smaller")


def _check_bitmap(data: bytes, kind: str, path: str) -> None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=[kind.upper()]) as image:
            if max(image.size) > MAX_PIXELS:
                raise invalid(f"{path} is {image.size[0]} x {image.size[1]} pixels", f"at most {MAX_PIXELS} x {MAX_PIXELS}")
            image.load()
    except UnidentifiedImageError:
        raise invalid(f"{path} is not a {kind.upper()} image", "save it again in that format") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise invalid(f"{path} is a damaged {kind.upper()} image: {str(error)[:100]}") from None
