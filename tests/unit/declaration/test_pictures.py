"""What is published of a picture is written anew: the same bytes for the same picture, and no more work for a browser than a picture is."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from pydantic_core import PydanticCustomError

from tenantry.declaration import bitmap, svg
from tenantry.declaration.assets import published
from tenantry.declaration.css import check_css

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'


def rewritten(inside: str, head: str = HEAD) -> str:
    return svg.rewritten(f"{head}{inside}</svg>".encode(), "a.svg").decode()


def refused(inside: str, head: str = HEAD) -> str:
    with pytest.raises(PydanticCustomError) as caught:
        rewritten(inside, head)
    return caught.value.message()


def test_one_picture_has_one_form() -> None:
    """Line ends, a byte order mark, quotes, the order of attributes, comments, CDATA, prefixes and editors' marks make no difference."""
    forms = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>Ä &amp; b</title>\n<path d="M0 0" fill="url(#g)"/></svg>',
        "<svg viewBox='0 0 9 9' xmlns='http://www.w3.org/2000/svg'><title>&#196; &#38; b</title>"
        "<path fill='url(#g)' d='M0 0'></path></svg>",
        '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<!-- x --><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">\r\n'
        '<title><![CDATA[Ä & b]]></title>\r\n\r\n<path d="M0 0" fill="url(#g)"/>\r\n</svg>\r\n',
        '<s:svg xmlns:s="http://www.w3.org/2000/svg" xmlns:i="http://www.inkscape.org/namespaces/inkscape" viewBox="0 0 9 9" i:version="1">'
        "<i:grid/><s:metadata>x</s:metadata><s:title>Ä &amp; b</s:title>text"
        '<s:path d="M0 0" data-name="x" fill="url(#g)"/></s:svg>',
    ]
    found = {svg.rewritten(form.encode(), "a.svg") for form in forms}
    assert found == {
        b'<svg viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg"><title>&#196; &amp; b</title><path d="M0 0" fill="url(#g)" /></svg>\n'
    }


@given(st.lists(st.sampled_from([
    "<g>", "</g>", "<text>", "</text>", "x\r\ny", "&#13;", "&lt;b>", "<title>é</title>", "<!-- a -->", "<![CDATA[<]]>", "<path d='M0 0'/>",
    "<style>.a{fill:red}</style>", "<style><![CDATA[a>b{c:'\\\\<'}]]></style>", "<use href='#b'/>", "<g id='b' style='fill : red ;'/>",
]), max_size=12))  # fmt: skip
def test_what_is_published_is_its_own_published_form(parts: list[str]) -> None:
    """Publishing it again changes nothing, it is ASCII, and nothing in it begins a comment, an instruction or CDATA."""
    try:
        once = svg.rewritten((HEAD + "".join(parts) + "</svg>").encode(), "a.svg")
    except PydanticCustomError:
        return
    assert svg.rewritten(once, "a.svg") == once
    assert once.isascii()
    assert not any(mark in once for mark in (b"<!", b"<?", b"]]>", b"\r"))


@given(st.text(st.sampled_from("abgf{}()[]:;,.#*@!\"'\\/ \n-%<&>0") | st.characters(codec="utf-8"), max_size=60))
@example("a:not(b){opacity:.5}")
@example("}")
@example("@media{")
@example("a{b:c}}")
def test_any_style_is_published_or_refused(text: str) -> None:
    """No text makes the check of a style sheet, an attribute or a value fail in another way than its own, and each is its own form."""
    quoted = escape(text, {'"': "&quot;"})
    for inside in (f"<style>{quoted}</style>", f'<g style="{quoted}"/>', f'<g fill="{quoted}"/>', f'<g filter="{quoted}"/>'):
        try:
            once = svg.rewritten(f"{HEAD}{inside}</svg>".encode(), "a.svg")
        except PydanticCustomError:
            continue
        assert svg.rewritten(once, "a.svg") == once


def test_what_nobody_knows_is_not_published() -> None:
    """An attribute that is not a picture's is left out; a reference in XLink's namespace is written as today's."""
    found = rewritten('<use xlink:href="#b" xmlns:xlink="http://www.w3.org/1999/xlink" target="x" srcdoc="y" xlink:title="z"/>')
    assert '<use href="#b" />' in found
    found = rewritten('<style type="text/css" title="x" nonce="y" media="print">a{fill:red}</style>')
    assert '<style media="print">a{fill:red;}</style>' in found


def test_style_is_written_anew() -> None:
    """Comments and escapes that another reader could take otherwise are gone from it."""
    assert "<style>.a{fill:red;stroke:url(#b)!important;}</style>" in rewritten(
        "<style>/* x */ .a { f\\69ll : red; /**/ stroke: u\\72l('#b') ! important; position: fixed; background: red }</style>"
    ).replace('url("#b")', "url(#b)")
    assert 'style="fill:red;"' in rewritten('<g style="/* &quot; */ fill : red"/>')


def doubled(levels: int) -> str:
    """2 ^ levels shapes by <use> of <use>."""
    layers = "".join(f'<g id="u{n}"><use href="#u{n - 1}"/><use href="#u{n - 1}"/></g>' for n in range(1, levels + 1))
    return f'<defs><path id="u0" d="M0 0h1v1z"/>{layers}</defs><use href="#u{levels}"/>'


BOMBS = {
    "use of use": doubled(36),
    "use by style": "".join(f'<g id="u{n}">' + f'<use href="#u{n - 1}"/>' * 10 + "</g>" for n in range(11, 0, -1)) + '<path id="u0"/>',
    "patterns": "".join(f'<pattern id="p{n}">' + f'<rect fill="url(#p{n + 1})"/>' * 10 + "</pattern>" for n in range(10))
    + '<rect fill="url(#p0)"/>',
    "patterns inherited": '<pattern id="p">' + "<path/>" * 300 + '</pattern><g fill="url(#p)">' + "<path/>" * 300 + "</g>",
    "patterns by class": '<style>.a{fill:url(#p)}</style><pattern id="p">' + "<path/>" * 300 + '</pattern><g class="a">'
    + "<path/>" * 300 + "</g>",
    "patterns by name, in another case": '<style>PATH{fill:url(#p)}</style><pattern id="p">' + "<rect/>" * 300 + "</pattern>"
    + "<path/>" * 300,
    "patterns of patterns": '<pattern id="p0">' + "<path/>" * 2000 + "</pattern>"
    + "".join(f'<pattern id="p{n}" href="#p{n - 1}"/>' for n in range(1, 40)) + '<rect fill="url(#p39)"/>',
    "masks": "".join(f'<mask id="m{n}">' + f'<rect mask="url(#m{n + 1})"/>' * 10 + "</mask>" for n in range(10))
    + '<rect mask="url(#m0)"/>',
    "clips": "".join(f'<clipPath id="m{n}">' + f'<rect clip-path="url(#m{n + 1})"/>' * 10 + "</clipPath>" for n in range(10))
    + '<rect clip-path="url(#m0)"/>',
    "markers": '<marker id="m">' + "<path/>" * 99 + '</marker><path marker-mid="url(#m)" d="M' + "1 1 " * 2000 + '"/>',
    "blurs in a filter": "<filter id='f'>" + "<feGaussianBlur stdDeviation='9999'/>" * 2000 + "</filter><rect filter='url(#f)'/>",
    "blurs on many": "<filter id='f'><feGaussianBlur stdDeviation='9999'/></filter>" + "<rect filter='url(#f)'/>" * 2000,
    "blurs in each other": "<filter id='f'><feGaussianBlur stdDeviation='99'/></filter>" + "<g filter='url(#f)'>" * 60 + "</g>" * 60
    + "<g><use href='#x'/></g>" * 5 + "<g id='x'>" + "<g style='filter:url(#f)'/>" * 50 + "</g>",
    "filter functions": "<g style='filter:blur(9999px)'/>",
    "filters inherited": "<filter id='f'/><g filter='url(#f)'><g filter='inherit'/></g>",
    "masks on many": '<mask id="m"><rect/></mask>' + '<rect mask="url(#m)"/>' * 1800,
    "layers in layers": ("<g opacity='.9'>" * 50 + "<path/>" + "</g>" * 50) * 100,
    "layers by class": "<style>.a{mix-blend-mode:difference}</style>" + "<rect class='a'/>" * 6000,
    "layers by any rule": "<style>:not(x){isolation:isolate}</style>" + "<rect/>" * 6000,
    "layers by style": "<rect style='opacity:.5'/>" * 6000,
    "filters by variable": "<style>g{--f:url(#f);filter:var(--f)}</style>",
    "filters by any rule": "<filter id='f'/><style>g g{filter:url(#f)}</style>",
    "references by escapes": "<filter id='f'/><g filter='url(#%66)'/>",
    "use of itself": '<g id="a"><use href="#a"/></g>',
    "a circle": '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>',
    "a circle of patterns": '<pattern id="a"><rect fill="url(#b)"/></pattern><pattern id="b"><rect fill="url(#a)"/></pattern>',
    "a long chain": "".join(f'<g id="c{n}"><use href="#c{n + 1}"/></g>' for n in range(5000)),
    "a long chain, backwards": "".join(f'<g id="c{n}"><use href="#c{n - 1}"/></g>' for n in range(5000)),
    "depth": "<g>" * 30_000 + "</g>" * 30_000,
    "twice the same id": '<g id="a"/><g id="a">' + "<path/>" * 4000 + "</g>" + '<use href="#a"/>' * 20,
    "animation": "<style>@keyframes k{to{fill:red}}g{animation:k 1s infinite}</style>",
}  # fmt: skip


@pytest.mark.parametrize("name", list(BOMBS))
def test_bombs(name: str) -> None:
    """Few bytes that ask for much are refused, and quickly."""
    before = time.process_time()
    refused(BOMBS[name])
    assert time.process_time() - before < 5


def test_a_rich_picture_is_no_bomb() -> None:
    """What drawing programs write: thousands of paths, hundreds of gradients, clips, symbols used over and over, a shadow on a group."""
    gradients = "".join(f'<linearGradient id="g{n}"><stop offset="{n / 200}"/></linearGradient>' for n in range(200))
    rules = "".join(f".cls-{n}{{fill:url(#g{n});stroke:none;}}" for n in range(200))
    paths = "".join(f'<path class="cls-{n % 200}" d="M{n} 0h9v9z"/>' for n in range(3000))
    clips = "".join(f'<clipPath id="c{n}"><rect width="9" height="9"/></clipPath><g clip-path="url(#c{n})"><path/></g>' for n in range(50))
    symbol = '<symbol id="s" viewBox="0 0 9 9">' + "<path/>" * 20 + "</symbol>" + '<use href="#s"/>' * 200
    shadow = (
        "<filter id='f'><feGaussianBlur in='SourceAlpha' stdDeviation='2'/><feOffset dy='1'/><feMerge><feMergeNode/></feMerge></filter>"
    )
    rules += ".on,.cls-1{clip-path:url(#c1)}"
    found = rewritten(f"<defs>{gradients}{shadow}</defs><style>{rules}</style><g filter='url(#f)'>{paths}</g>{clips}{symbol}")
    assert found.count("<path") == 3070


def png(*chunks: bytes, behind: bytes = b"") -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", (8, 8), (1, 2, 3, 255)).save(stream, "PNG")
    whole = stream.getvalue()
    return whole[:33] + b"".join(chunks) + whole[33:] + behind


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def test_a_bitmap_is_published_without_what_is_not_the_picture(tmp_path: Path) -> None:
    """Texts, places (EXIF), unknown chunks and whatever stands behind the end; the pixels are not packed anew."""
    plain = png()
    more = png(chunk(b"tEXt", b"Author\0Ada"), chunk(b"eXIf", b"place"), chunk(b"teNt", b"x"), behind=b"<script>alert(1)</script>")
    file = tmp_path / "assets" / "acme" / "logo.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(more)
    assert published(tmp_path, "assets/acme/logo.png") == plain
    assert bitmap.rewritten(plain, "png") == plain


def icon(*pictures: bytes, gap: bytes = b"", behind: bytes = b"") -> bytes:
    place = 6 + 16 * len(pictures) + len(gap)
    directory = b""
    for picture in pictures:
        directory += struct.pack("<BBBBHHII", 8, 8, 0, 0, 1, 32, len(picture), place)
        place += len(picture)
    return struct.pack("<HHH", 0, 1, len(pictures)) + directory + gap + b"".join(pictures) + behind


def test_an_icon_is_published_without_what_is_not_the_picture() -> None:
    """Gaps, what stands behind, and texts in the PNGs that it holds."""
    found = bitmap.rewritten(icon(png(chunk(b"tEXt", b"a\0b")), png(), gap=b"<script>", behind=b"</script>"), "ico")
    assert found == icon(png(), png())
    assert bitmap.rewritten(found, "ico") == found
    one = icon(png())
    with pytest.raises(ValueError, match="share"):
        bitmap.rewritten(one[:4] + b"\xff\0" + one[6:22] * 255 + one[6:], "ico")


def test_a_picture_in_conflict_is_said_to_be(tmp_path: Path) -> None:
    """Git's marks are named, not what an XML parser makes of them."""
    file = tmp_path / "assets" / "acme" / "logo.svg"
    file.parent.mkdir(parents=True)
    file.write_text(f"{HEAD}\n<<<<<<< HEAD\n<path/>\n=======\n<g/>\n>>>>>>> main\n</svg>")
    with pytest.raises(PydanticCustomError, match="marks of a conflict"):
        published(tmp_path, "assets/acme/logo.svg")


def test_a_pointer_is_no_picture(tmp_path: Path) -> None:
    """Where git LFS has not fetched a file, that is said."""
    file = tmp_path / "assets" / "acme" / "logo.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    with pytest.raises(PydanticCustomError, match="git LFS") as caught:
        published(tmp_path, "assets/acme/logo.png")
    assert caught.value.context == {"message": caught.value.message(), "hint": "git lfs pull"}


@pytest.mark.parametrize("css", ["a{b:c}/*", "a{b:c", "a{b:(c}", "a{b:'c", "a{b:url(c", "a", "@media all", "a{b:c}\\"])
def test_css_that_would_swallow_what_follows(css: str) -> None:
    """Whatever is not closed is refused."""
    with pytest.raises(PydanticCustomError, match=r"not closed|parse"):
        check_css(css)


@pytest.mark.parametrize("brackets", ["()", "[]", "{}"])
def test_css_is_not_deep(brackets: str) -> None:
    """Brackets in each other are few."""
    with pytest.raises(PydanticCustomError, match="64 brackets"):
        check_css("a{b:" + brackets[0] * 20_000 + brackets[1] * 20_000 + "}")
