"""Logos and icons: SVG, PNG and ICO files below ``tenants/assets/``, checked by content, not by name."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import AfterValidator

from tenantry.declaration.problems import invalid, shown

MAX_BYTES: Final = 512 * 1024
MAX_PIXELS: Final = 2048
COMMON_FOLDER: Final = "shared"
"""``assets/shared/`` belongs to the platform (no tenant can have that slug); every other folder to the tenant of its name."""

CONTENT_TYPES: Final = {"svg": "image/svg+xml", "png": "image/png", "ico": "image/vnd.microsoft.icon"}
ALLOWED: Final = {"logo": ("svg", "png"), "favicon": ("svg", "png", "ico")}

_PATH: Final = re.compile(
    r"assets/([a-z][a-z0-9-]*)/((?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*)\.(svg|png|ico)", re.ASCII
)
_SVG: Final = "{http://www.w3.org/2000/svg}"
_ENCODING: Final = re.compile(rb"\s*<\?xml[^>]*\sencoding\s*=\s*[\"']([^\"']*)")
# What drawing programs leave in a file; browsers ignore it. Any other namespace (XHTML, MathML) could run or load.
_EDITORS: Final = (
    "{http://www.inkscape.org/",
    "{http://sodipodi.",
    "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}",
    "{http://purl.org/dc/",
    "{http://creativecommons.org/ns#}",
    "{http://ns.adobe.com/",
    "{http://www.bohemiancoding.com/sketch/",
)
_ELEMENTS: Final = (
    "svg g defs symbol use title desc metadata path rect circle ellipse line polyline polygon text tspan textPath "
    "linearGradient radialGradient stop clipPath mask pattern marker style filter feGaussianBlur feOffset feBlend "
    "feColorMatrix feComposite feFlood feMerge feMergeNode feDropShadow feMorphology switch view"
)
_SVG_ELEMENTS: Final = frozenset(_ELEMENTS.split())
_CSS_LOADS: Final = re.compile(
    r"@import|expression\s*\(|javascript:|behavior\s*:|-moz-binding|\\|url\s*\(\s*['\"]?\s*(?!['\"#\s])", re.IGNORECASE
)


def is_asset_path(text: str) -> bool:
    """Whether a text has the form of an asset's path and stays below ``assets/<folder>/``."""
    return len(text) <= 200 and ".." not in text and _PATH.fullmatch(text) is not None


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
    kind = path.rpartition(".")[2]
    if kind not in ALLOWED[use]:
        raise invalid(f"a {use} is {' or '.join(name.upper() for name in ALLOWED[use])}, not {kind.upper()}")
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
            raise invalid(f"{path} is larger than {MAX_BYTES // 1024} KiB", "make it smaller")
        _check_file(str(file), kind, path, status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        raise invalid(f"{path} does not exist", f"looked in {root}") from None
    except OSError as error:
        raise invalid(f"{path} cannot be read: {error.strerror or error}") from None


@lru_cache(maxsize=4096)
def _check_file(file: str, kind: str, path: str, size: int, changed: int) -> None:
    """Size and time of change are part of the cache's key, so that an edited file is looked at again."""
    with Path(file).open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if kind == "svg":
        _check_svg(data, path)
    else:
        _check_bitmap(data, kind, path)


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


def _check_svg(data: bytes, path: str) -> None:
    # In another encoding the checks below would not see what a browser sees.
    if b"\0" in data or not _is_utf8(data):
        raise invalid(f"{path} is not UTF-8", "save it as UTF-8")
    try:
        root = fromstring(data.decode("utf-8-sig"), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise invalid(f"{path} has a document type or entities", "export it as plain SVG") from None
    except (ParseError, ValueError, LookupError) as error:
        raise invalid(f"{path} is not an SVG image: {str(error)[:100]}") from None
    if root.tag != f"{_SVG}svg":
        raise invalid(f"{path} is not an SVG image", 'its root is <svg xmlns="http://www.w3.org/2000/svg">')
    # ElementTree drops processing instructions, a browser follows <?xml-stylesheet?>.
    if b"<?" in data.replace(b"<?xml ", b"", 1):
        raise invalid(f"{path} has a processing instruction", "remove it")
    for element in root.iter():
        _check_element(element, path)


def _is_utf8(data: bytes) -> bool:
    declared = _ENCODING.match(data)
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_element(element: Any, path: str) -> None:
    tag = element.tag
    if not isinstance(tag, str):  # a comment
        return
    if tag.startswith(_EDITORS):
        return
    name = tag.removeprefix(_SVG)
    if not tag.startswith(_SVG) or name not in _SVG_ELEMENTS:
        raise invalid(f"{path} contains <{name.rpartition('}')[2][:40]}>", "export it as plain SVG")
    for attribute, value in element.attrib.items():
        local = attribute.rpartition("}")[2].lower()
        if local.startswith("on"):
            raise invalid(f"{path} has a script in {local[:40]}", "remove it")
        if local in ("href", "src", "base") and not value.startswith("#"):
            raise invalid(f"{path} refers to {shown(value)}", "an SVG may refer only to its own parts (#id)")
        if not attribute.startswith(_EDITORS) and _CSS_LOADS.search(value):
            raise invalid(f"{path} loads or runs something in {local[:40]}", "remove it")
    if name == "style" and _CSS_LOADS.search("".join(element.itertext())):
        raise invalid(f"{path} loads something in <style>", "remove it")
