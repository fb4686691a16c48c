"""Pictures are what their name says, belong to the tenant, and cannot run or load anything."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from pydantic_core import PydanticCustomError

from tenantry.declaration.assets import MAX_BYTES, check_asset, is_asset_path

GOOD_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">{}</svg>'


def image(kind: str, size: int = 8) -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", (size, size), (1, 2, 3, 255)).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def check(tmp_path: Path) -> Callable[[bytes | str, str, str], None]:
    """Write a file into acme's folder and check it."""
    (tmp_path / "assets" / "acme").mkdir(parents=True)

    def run(data: bytes | str, name: str, use: str = "favicon") -> None:
        (tmp_path / "assets" / "acme" / name).write_bytes(data.encode() if isinstance(data, str) else data)
        check_asset(tmp_path, "acme", use, f"assets/acme/{name}")

    return run


def test_good_pictures(check: Callable[..., None]) -> None:
    """SVG with its own gradients, styles and links to its own parts; PNG; ICO."""
    check(
        GOOD_SVG.format('<defs><linearGradient id="g"/></defs><path fill="url(#g)" d="M0 0"/><use href="#g"/><style>a{fill:red}</style>'),
        "a.svg",
    )
    check('<?xml version="1.0" encoding="UTF-8"?>\n<!-- drawn by hand -->' + GOOD_SVG.format("<title>A</title>"), "b.svg")
    check(image("PNG"), "a.png")
    check(image("ICO", 16), "a.ico")


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<a href="javascript:alert(1)"><path/></a>',
        '<path onload="alert(1)"/>',
        '<path ONCLICK="alert(1)"/>',
        "<foreignObject><p/></foreignObject>",
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><script/></body></foreignObject>',
        '<image href="https://evil.example/x.png"/>',
        '<use href="https://evil.example/x.svg#a"/>',
        '<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="data:image/svg+xml,x"/>',
        "<style>@import 'https://evil.example/x.css';</style>",
        "<style>path{fill:url(https://evil.example/x)}</style>",
        "<style>@im\\70ort 'x';</style>",
        "<style><![CDATA[@import 'x';]]></style>",
        '<path style="fill:url(//evil.example)"/>',
        '<path fill="url(https://evil.example/x)"/>',
        '<set attributeName="href" to="javascript:alert(1)"/>',
        '<animate attributeName="href" values="javascript:alert(1)"/>',
        '<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>',
        '<x xmlns="http://www.w3.org/1998/Math/MathML"/>',
        "<unknown/>",
        '<g xml:base="https://evil.example/"/>',
        "<?xml-stylesheet href='x'?>",
    ],
)
def test_svg_that_runs_or_loads(check: Callable[..., None], inside: str) -> None:
    """Scripts, handlers, embedded pages, outside references and animation of references are refused."""
    with pytest.raises(PydanticCustomError):
        check(GOOD_SVG.format(inside), "a.svg")


@pytest.mark.parametrize(
    "data",
    [
        "",
        "<html/>",
        "<svg/>",
        GOOD_SVG.format("<g>"),
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + GOOD_SVG.format("&a;"),
        '<!DOCTYPE svg SYSTEM "https://evil.example/x.dtd">' + GOOD_SVG.format(""),
        '<?xml-stylesheet href="https://evil.example/x.css"?>' + GOOD_SVG.format(""),
        GOOD_SVG.format("<script/>").encode("utf-16"),
        '<?xml version="1.0" encoding="utf-7"?>' + GOOD_SVG.format(""),
        image("PNG"),
    ],
)
def test_what_is_no_svg(check: Callable[..., None], data: bytes | str) -> None:
    """Another root, broken XML, document types, stylesheets, other encodings."""
    with pytest.raises(PydanticCustomError):
        check(data, "a.svg")


def test_bitmaps_are_what_their_name_says(check: Callable[..., None]) -> None:
    """The content decides: other formats, cut files, wide pictures and big files are refused."""
    png = image("PNG")
    for data, name in [
        (b"", "a.png"),
        (b"\x89PNG\r\n\x1a\n", "b.png"),
        (png[:-30], "c.png"),
        (image("GIF"), "d.png"),
        (png, "e.ico"),
        (image("PNG", 2049), "f.png"),
        (png + b"\0" * MAX_BYTES, "g.png"),
        (GOOD_SVG.format(""), "h.png"),
        (b"\0\0\1\0\1\0" + b"\xff" * 16, "i.ico"),
    ]:
        with pytest.raises(PydanticCustomError):
            check(data, name)


def test_a_small_file_that_claims_to_be_huge(check: Callable[..., None]) -> None:
    """The size is read from the header, before anything is unpacked."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (100_000).to_bytes(4, "big") * 2 + b"\x08\x06\0\0\0"
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000)) + chunk(b"IEND", b"")
    with pytest.raises(PydanticCustomError):
        check(bomb, "a.png")


def test_an_icon_is_no_logo(check: Callable[..., None]) -> None:
    """A logo is SVG or PNG."""
    with pytest.raises(PydanticCustomError, match="SVG or PNG"):
        check(image("ICO", 16), "a.ico", "logo")


@pytest.mark.parametrize(
    "path",
    [
        "logo.svg",
        "/etc/passwd",
        "assets/acme/../beta/a.svg",
        "assets/acme/a.svgz",
        "assets/acme/.svg",
        "assets//a.svg",
        "assets/acme/a b.svg",
    ],
)
def test_what_is_no_asset_path(path: str) -> None:
    """Below assets/<slug>/, with a plain name."""
    assert not is_asset_path(path)


def test_a_file_is_the_tenant_s_own(check: Callable[..., None], tmp_path: Path) -> None:
    """Another tenant's folder, a link out of the own one, a folder and nothing at all are refused."""
    check(image("PNG"), "a.png")
    with pytest.raises(PydanticCustomError, match="another tenant"):
        check_asset(tmp_path, "beta", "logo", "assets/acme/a.png")
    (tmp_path / "secret.png").write_bytes(image("PNG"))
    (tmp_path / "assets" / "acme" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "assets" / "acme" / "folder.png").mkdir()
    os.mkfifo(tmp_path / "assets" / "acme" / "pipe.png")
    for name in ("link.png", "folder.png", "pipe.png", "nothing.png"):
        with pytest.raises(PydanticCustomError):
            check_asset(tmp_path, "acme", "logo", f"assets/acme/{name}")


def test_an_edited_file_is_looked_at_again(check: Callable[..., None]) -> None:
    """What was good a moment ago is not taken for good now."""
    check(GOOD_SVG.format(""), "a.svg")
    with pytest.raises(PydanticCustomError):
        check(GOOD_SVG.format("<script/>"), "a.svg")
