"""Host names and links: canonical form, what may be a custom domain, and which names look alike."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from string import ascii_lowercase
from typing import Annotated, Final
from urllib.parse import urlsplit

import idna
from publicsuffixlist import PublicSuffixList
from pydantic import AfterValidator, StringConstraints

from tenantry.problems import invalid, shown
from tenantry.text import hidden_character

_PLAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)
# RFC 6761/6762/7686 and ICANN's .internal: never reachable as a public name. (.example and .test are for us and for tests.)
_SPECIAL: Final = frozenset({"alt", "arpa", "home", "internal", "invalid", "lan", "local", "localdomain", "localhost", "onion"})
_WIDE_DOTS: Final = frozenset({"\u3002", "\uff0e", "\uff61"})


@lru_cache(maxsize=16_384)
def canonical_host(text: str) -> str:
    """A custom domain in canonical ASCII form (lower case, punycode); a ``PydanticCustomError`` that says why it cannot be one.

    Refused: wildcards, addresses, ports, one label, special-use names, public suffixes (``co.uk``), labels that mix scripts
    or look like an ASCII name.
    """
    if hidden := hidden_character(text):
        raise invalid(f"the host name contains the hidden character {hidden}", "remove it")
    if "*" in text:
        raise invalid(f"{shown(text)} is a wildcard", "name each host")
    if "://" in text or "/" in text or ":" in text or "@" in text:
        raise invalid(f"{shown(text)} is not a host name", "write the name only, without scheme, port or path")
    host = text.lower()
    if not _PLAIN.fullmatch(host) or len(host) > 253 or "xn--" in host or "--" in host:
        host = _encoded(text)
    last = host.rpartition(".")[2]
    if "." not in host:
        raise invalid(f"{shown(text)} is not a full host name", "write it with its domain, for example portal.acme.example")
    if last in _SPECIAL:
        raise invalid(f"{shown(text)} is not a public host name: .{last} is reserved")
    # WHATWG: a last label that begins with a digit makes the whole an IPv4 address or nothing.
    if last[0].isdigit():
        raise invalid(f"{shown(text)} is an address", "write a host name")
    if suffixes().is_public(host):
        raise invalid(f"{shown(text)} is a public suffix", f"write a name beneath it, for example portal.{text[:60]}")
    return host


def _encoded(text: str) -> str:
    # UTS 46 takes three more characters for a dot; a reviewer would not.
    if text.endswith(".") or not _WIDE_DOTS.isdisjoint(text):
        raise invalid(f"{shown(text)} ends with a dot, or has one that is not a plain full stop", "write plain dots between the labels")
    try:
        host = idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise invalid(f"{shown(text)} is not a host name", str(error)[:120]) from None
    refuse_lookalikes(host)
    return host


def refuse_lookalikes(host: str) -> None:
    """Raises a ``PydanticCustomError`` for a label, in Unicode or punycode, that mixes scripts or looks like an ASCII name."""
    for label in _labels(host):
        if not label.isascii():
            _refuse_lookalike(label)


def _refuse_lookalike(label: str) -> None:
    """UTS 39's highly restrictive level (one script; Latin goes with Han, kana, Bopomofo, Hangul) and no ASCII twin."""
    from confusable_homoglyphs import categories

    scripts = {categories.alias(character) for character in label} - {"COMMON", "INHERITED"}
    allowed = (
        {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
        {"LATIN", "HAN", "BOPOMOFO"},
        {"LATIN", "HAN", "HANGUL"},
    )
    if len(scripts) > 1 and not any(scripts <= group for group in allowed):
        raise invalid(f"{shown(label)} mixes scripts: {', '.join(sorted(scripts)).title()}", "write the label in one script")
    twin = _shape(label)
    if twin.isascii():
        raise invalid(f"{shown(label)} looks like {shown(twin)}", "use the plain name, or one that cannot be confused")


def skeleton(name: str) -> str:
    """UTS 39's skeleton of a lower-case label or host: names with the same skeleton look alike (``acme1`` and ``acmel``)."""
    return skeleton_ascii(_shape(name))


def _shape(name: str) -> str:
    """The name with each letter that has a twin in ASCII written as that."""
    from confusable_homoglyphs.confusables import confusables_data

    shape: list[str] = []
    for character in unicodedata.normalize("NFD", name):
        alike = [] if character.isascii() else [character, *(twin["c"] for twin in confusables_data.get(character, ()))]
        twins = [twin for each in alike if (twin := each if each.isascii() else _SMALL_CAPITALS.get(each))]
        # The bar family has several twins; UTS 39's prototype is l.
        shape.append("l" if "l" in twins else twins[0].lower() if twins else character)
    return "".join(shape)


def _small_capitals() -> dict[str, str]:
    """``ᴀ`` → ``a`` and so on: letters of host names that UTS 39 calls alike to nothing in ASCII."""
    letters = {letter: f"LATIN LETTER SMALL CAPITAL {letter.upper()}" for letter in ascii_lowercase}
    found: dict[str, str] = {}
    for letter, name in letters.items():
        with suppress(KeyError):  # there is none of X
            found[unicodedata.lookup(name)] = letter
    return found


_SMALL_CAPITALS: Final = _small_capitals()


def skeleton_ascii(name: str) -> str:
    """The ASCII part of ``skeleton``: ``0``, ``1`` and ``m`` have twins among letters, as UTS 39 lists them."""
    return name.replace("0", "o").replace("1", "l").replace("m", "rn")  # a quarter of the time that str.translate takes


def host_skeleton(host: str) -> str:
    """The skeleton of a canonical ASCII host, after decoding its punycode labels."""
    return skeleton_ascii(host) if "xn--" not in host else skeleton(".".join(_labels(host)))


@lru_cache(maxsize=16_384)
def _labels(host: str) -> tuple[str, ...]:
    """The labels of a canonical host in Unicode: ``idna`` has checked them, its ``decode`` would do so again at ten times the cost."""
    return tuple(label[4:].encode().decode("punycode") if label.startswith("xn--") else label for label in host.split("."))


def is_within(host: str, domain: str) -> bool:
    """Whether ``host`` equals ``domain`` or lies beneath it."""
    return host == domain or host.endswith(f".{domain}")


@lru_cache(maxsize=1)
def suffixes() -> PublicSuffixList:
    """The list of public suffixes: a tenth of a second to read, once in a process."""
    return PublicSuffixList()


@lru_cache(maxsize=16_384)
def check_link(text: str) -> str:
    """An https link to a public host, as written; a ``PydanticCustomError`` otherwise."""
    if hidden_character(text) or any(character in text for character in " \"'<>\\^`{|}"):
        raise invalid(f"{shown(text)} is not a link", "write https://host/path; percent-encode other characters")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise invalid(f"{shown(text)} is not a link", "write https://host/path") from None
    if parts.scheme != "https":
        raise invalid(f"{shown(text)} does not begin with https://", "legal pages are served over https")
    if parts.username is not None or port not in (None, 443):
        raise invalid(f"{shown(text)} has a user name or a port", "write https://host/path")
    canonical_host(host or "")
    return text


HostName = Annotated[str, StringConstraints(max_length=253), AfterValidator(canonical_host)]
Link = Annotated[str, StringConstraints(max_length=2000), AfterValidator(check_link)]
