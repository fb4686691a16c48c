"""PNG and ICO pictures without what is not the picture: comments, places, programs' notes, and whatever was put behind the end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_NAMES: Final = "IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT pHYs bKGD cICP"
_CHUNKS: Final = frozenset(_NAMES.encode().split())
_ICON: Final = struct.Struct("<HHH")
_ENTRY: Final = struct.Struct("<BBBBHHII")


def rewritten(data: bytes, kind: str) -> bytes:
    """The picture (``png`` or ``ico``) with nothing but what is drawn. ``ValueError`` where it ends too early."""
    return _png(data) if kind == "png" else _ico(data)


def _png(data: bytes) -> bytes:
    """No pixel is packed anew: another zlib would give other bytes."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("no PNG signature")
    kept = [chunk for kind, chunk in _chunks(data) if kind in _CHUNKS]
    return _SIGNATURE + b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise ValueError("no IEND chunk")
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data):
            raise ValueError("a chunk that is cut")
        yield kind, data[at:end]
        if kind == b"IEND":
            return
        at = end


def _ico(data: bytes) -> bytes:
    """The directory, and the pictures that it names one after the other."""
    reserved, kind, count = _ICON.unpack_from(data)
    entries, pictures = [], []
    place = _ICON.size + count * _ENTRY.size
    for number in range(count):
        *look, size, start = _ENTRY.unpack_from(data, _ICON.size + number * _ENTRY.size)
        picture = data[start : start + size]
        if len(picture) < size:
            raise ValueError("a picture that is cut")
        if picture.startswith(_SIGNATURE):
            picture = _png(picture)
        entries.append(_ENTRY.pack(*look, len(picture), place))
        pictures.append(picture)
        place += len(picture)
        if place > len(data):
            raise ValueError("pictures that share their bytes")
    return _ICON.pack(reserved, kind, count) + b"".join(entries) + b"".join(pictures)
