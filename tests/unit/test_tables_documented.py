"""docs/tables.md says what works: exactly that is in the schema that tests take through a tenant's whole life."""

from __future__ import annotations

import re
from pathlib import Path

from tests.service.shapes.listed import names

DOCUMENT = Path(__file__).parents[2] / "docs" / "tables.md"


def test_every_shape_that_works_is_documented_and_in_the_zoo():
    """By name, each once."""
    works = DOCUMENT.read_text(encoding="utf-8").partition("## What works")[2].partition("Good to know:")[0]
    documented = re.findall(r"^- (.+)$", works, re.MULTILINE)
    assert len(documented) == len(set(documented)) == 82
    assert sorted(documented) == sorted(names())
