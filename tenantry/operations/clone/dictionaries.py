"""The words that stand for real ones: made by Faker from a fixed seed, packed so that the database finds one in constant time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

LOCALES: Final = ("en_GB", "de_DE", "fr_FR")
SEED: Final = 20_240_601
SIZE: Final = 4096
"""Words per dictionary; a power of two, because bits of a digest choose one."""
CORPUS_BYTES: Final = 65_536

MADE: Final = {
    "name": "name",
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "company",
    "address": "address",
    "street": "street_address",
    "city": "city",
    "job": "job",
    "word": "word",
}
"""Our name → Faker's method. The other kinds of fake are computed."""


@dataclass(frozen=True)
class Dictionary:
    """``SIZE`` words of ``width`` bytes of UTF-8 each, filled up with spaces; no two the same where there are so many."""

    width: int
    words: bytes


@cache
def dictionary(name: str) -> Dictionary:
    """One of ``MADE``: the same words for the same version of Faker."""
    from faker import Faker

    faker = Faker(list(LOCALES), use_weighting=False)
    faker.seed_instance(SEED)
    make: Callable[[], str] = getattr(faker, MADE[name])
    words = [" ".join(make().split()).encode() for _ in range(SIZE)]
    width = max(map(len, words))
    return Dictionary(width, b"".join(word.ljust(width) for word in words))


@cache
def corpus() -> bytes:
    """``CORPUS_BYTES`` of plain words in ASCII, for texts."""
    from faker.providers.lorem.la import Provider

    choose = random.Random(SEED)  # noqa: S311  # filler, not a secret
    text = ""
    while len(text) < CORPUS_BYTES:
        text += choose.choice(Provider.word_list) + choose.choice((" ", " ", " ", " ", ", ", ". "))
    return text.encode("ascii")[:CORPUS_BYTES]
