"""SVG pictures: read with care, checked element by element, and written anew from what was understood.

What is published is never the file that came in: comments, processing instructions, drawing programs' own elements and whatever else a
browser could read otherwise than we do are not in it. The same picture gives the same bytes on every machine, whatever its line ends.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic_core import PydanticCustomError

from tenantry.declaration import svg_cost, svg_style
from tenantry.declaration.svg_words import ELEMENTS, PLAIN, PRESENTATION, TEXT, WORDS
from tenantry.problems import invalid, shown

NAMESPACE: Final = "http://www.w3.org/2000/svg"
_SVG: Final = f"{{{NAMESPACE}}}"
_XLINK: Final = "{http://www.w3.org/1999/xlink}"
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_ENCODING: Final = re.compile(rb"\s*<\?xml[^>]*\sencoding\s*=\s*[\"']([^\"']*)")
# What drawing programs leave in a file. Any other namespace (XHTML, MathML) is refused.
_EDITORS: Final = (
    "{http://www.inkscape.org/",
    "{http://sodipodi.",
    "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}",
    "{http://purl.org/dc/",
    "{http://creativecommons.org/ns#}",
    "{http://ns.adobe.com/",
    "{http://www.bohemiancoding.com/sketch/",
)
_MEDIA: Final = re.compile(r"[A-Za-z0-9 ():,.-]{1,100}", re.ASCII)


def rewritten(data: bytes, path: str) -> bytes:
    """The picture as it is published: ASCII, one line but for its texts. ``PydanticCustomError`` says what is not allowed in it."""
    root = _parsed(data, path)
    picture = _Picture(path)
    copy = picture.copy(root)
    svg_cost.check_cost(copy, svg_cost.with_sheet(copy, picture.named, picture.sheet, path), path)
    copy.set("xmlns", NAMESPACE)
    # With characters beyond ASCII as references, so that it is read alike in a page of any encoding.
    written: bytes = tostring(copy, encoding="us-ascii")
    return written + b"\n"


def _parsed(data: bytes, path: str) -> Element:
    # In another encoding the checks below would not see what a browser sees.
    if b"\0" in data or not _is_utf8(data):
        raise invalid(f"{path} is not UTF-8", "save it as UTF-8")
    try:
        root: Element = fromstring(data.decode("utf-8-sig"), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise invalid(f"{path} has a document type or entities", "export it as plain SVG") from None
    except (ParseError, ValueError, LookupError) as error:
        raise invalid(f"{path} is not an SVG image: {str(error)[:100]}") from None
    if root.tag != f"{_SVG}svg":
        raise invalid(f"{path} is not an SVG image", f'its root is <svg xmlns="{NAMESPACE}">')
    # Where one was followed (<?xml-stylesheet?>), the picture would look otherwise without it.
    if b"<?" in data.replace(b"<?xml ", b"", 1):
        raise invalid(f"{path} has a processing instruction", "remove it")
    stack = [(root, 1)]
    while stack:
        element, depth = stack.pop()
        if depth > svg_cost.MAX_DEPTH:
            raise invalid(f"{path} has more than {svg_cost.MAX_DEPTH} elements in each other", "make it simpler")
        stack.extend((child, depth + 1) for child in element)
    return root


def _is_utf8(data: bytes) -> bool:
    declared = _ENCODING.match(data)
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Picture:
    """One picture in the making."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.named: dict[Element, frozenset[str]] = {}
        """The ids that an element of the copy refers to."""
        self.sheet: dict[str, frozenset[str]] = {}
        """The ids that the style sheets refer to, by selector."""

    def copy(self, element: Element) -> Element:
        """The element with what is allowed of it, and what is inside."""
        name = element.tag.removeprefix(_SVG)
        if not element.tag.startswith(_SVG) or name not in ELEMENTS:
            raise invalid(f"{self._path} contains <{name.rpartition('}')[2][:40]}>", "export it as plain SVG")
        copy = Element(name)
        for attribute, text in sorted(self._attributes(element, copy).items()):
            copy.set(attribute, text)
        children = [child for child in element if not child.tag.startswith(_EDITORS) and child.tag != f"{_SVG}metadata"]
        if name in WORDS:
            if len(element):
                raise invalid(f"{self._path} has an element in <{name}>", "it may have text only")
            copy.text = self._style(element) if name == "style" else _lines(element.text)
            return copy
        for child in children:
            below = self.copy(child)
            below.tail = _lines(child.tail) if name in TEXT else None
            copy.append(below)
        copy.text = _lines(element.text) if name in TEXT else None
        return copy

    def _style(self, element: Element) -> str:
        if element.get("type", "text/css").strip().lower() not in ("", "text/css"):
            raise invalid(f"{self._path} has a <style> that is not CSS", "remove it")
        try:
            found = svg_style.sheet(element.text or "")
        except PydanticCustomError as error:
            raise self._wrong("<style>", error) from None
        for selector, ids in found.named.items():
            self.sheet[selector] = self.sheet.get(selector, frozenset()) | ids
        return found.text

    def _attributes(self, element: Element, copy: Element) -> dict[str, str]:
        found: dict[str, str] = {}
        for attribute, text in element.attrib.items():
            if attribute.startswith(_EDITORS):
                continue
            local = attribute.rpartition("}")[2]
            if local.lower().startswith("on"):
                raise invalid(f"{self._path} has a script in {local[:40]}", "remove it")
            if local.lower() in ("href", "src", "base"):
                self._refer(attribute, text.strip(), found, copy)
            elif attribute == "style" or attribute in PRESENTATION:
                found[attribute] = self._css(attribute, text, copy)
            elif attribute in PLAIN and not (copy.tag == "style" and attribute == "type"):
                found[attribute] = text
            elif attribute == "media" and copy.tag == "style":
                if not _MEDIA.fullmatch(text):
                    raise invalid(f"{self._path} has a <style> for {shown(text)}", "remove media")
                found[attribute] = text
            elif attribute in (f"{_XML}space", f"{_XML}lang"):
                found[attribute] = text
        return found

    def _refer(self, attribute: str, text: str, found: dict[str, str], copy: Element) -> None:
        if not svg_style.OWN_PART.fullmatch(text):
            raise invalid(f"{self._path} refers to {shown(text)}", "an SVG may refer only to its own parts (#id)")
        # A browser prefers the plain name, wherever it stands.
        if attribute == "href" or (attribute == f"{_XLINK}href" and "href" not in found):
            found["href"] = text
            self._name(copy, frozenset({text[1:]}))

    def _css(self, attribute: str, text: str, copy: Element) -> str:
        try:
            style = svg_style.declarations(text) if attribute == "style" else svg_style.value(attribute, text)
        except PydanticCustomError as error:
            raise self._wrong(attribute, error) from None
        self._name(copy, style.named)
        return style.text

    def _name(self, copy: Element, ids: frozenset[str]) -> None:
        if ids:
            self.named[copy] = self.named.get(copy, frozenset()) | ids

    def _wrong(self, where: str, error: PydanticCustomError) -> Exception:
        context = error.context or {}
        return invalid(f"{self._path} in {where}: {context['message']}", context["hint"])


def _lines(text: str | None) -> str | None:
    """A carriage return that was written as a reference would come back as one, and be a line feed to the next reader."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if text else None
