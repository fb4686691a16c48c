"""The host name of a request, as the directory knows hosts: lower case and punycode, without a port."""

from __future__ import annotations

import re
from typing import Final

import idna

_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)+", re.ASCII)


def normalised(host: str) -> str | None:
    """``host`` (a Host header's value, or a name) in its comparable form; None for what can be nobody's: an address, one label, rubbish."""
    name = host.strip()
    if not name.startswith("[") and name.count(":") == 1:
        name, _, port = name.partition(":")
        if not (port == "" or (port.isascii() and port.isdigit())):
            return None
    name = name.removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError:
            return None
    name = name.lower()
    return name if _HOST.fullmatch(name) and not name.rpartition(".")[2].isdigit() else None
