"""The tests themselves: each module is found, whatever else is collected with it."""

from __future__ import annotations

from collections import Counter

from local.home import CLONE


def test_no_two_modules_of_tests_have_one_name():
    """Without a package round them pytest takes the second for the first, and stops."""
    names = Counter(path.name for path in (CLONE / "tests").rglob("test_*.py") if not (path.parent / "__init__.py").exists())
    assert [name for name, times in names.items() if times > 1] == []
