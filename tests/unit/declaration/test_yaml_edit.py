"""One value set in a file: everything else stays as it was written."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.declaration.yaml_edit import CannotEdit, set_value
from tenantry.declaration.yaml_source import parse

SAMPLES = sorted((Path(__file__).parents[3] / "tenants").glob("*.yaml"))
KEYS = {
    "branding.app_name": "Näme: with #signs",
    "theme.primary": "#123456",
    "theme.css": ":root { --x: 1px; }\n.b { color: red }\n",
    "features.sso": True,
    "limits.users": 77,
    "email_templates.welcome.subject": "Hi {{ user_name }}",
    "email_templates.welcome.body": "Hello\n\n  indented: {{ login_url }}\nend",
    "legal.terms": "https://x.example/a?b=c#d",
}


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: 1 # one\nb: 2\n", "b", 3, "a: 1 # one\nb: 3\n"),
        ('a: "x"   # why\n', "a", "#fff", 'a: "#fff"   # why\n'),
        ("a: 'x'\n", "a", "it's", "a: 'it''s'\n"),
        ("a: x\n", "a", "two words", "a: two words\n"),
        ("a: x\n", "a", "no", 'a: "no"\n'),
        ("a: x\n", "a", "12", 'a: "12"\n'),
        ("a:\n", "a", 1, "a: 1\n"),
        ("a: # later\n", "a", 1, "a: 1 # later\n"),
        ("t: {a: 1, b: 2} # c\n", "t.a", 5, "t: {a: 5, b: 2} # c\n"),
        ("t: {a: 1} # c\n", "t.b", "#fff", 't: {a: 1, b: "#fff"} # c\n'),
        ("t: {}\n", "t.b.c", 1, "t: {b: {c: 1}}\n"),
        ("t: {a: 1,}\n", "t.b", 2, "t: {a: 1, b: 2,}\n"),
        ("t:\n  a: 1\n\n# about z\nz: 1\n", "t.b", 2, "t:\n  a: 1\n  b: 2\n\n# about z\nz: 1\n"),
        ("t:\n    a: 1  # c\nz: 1", "t.b", 2, "t:\n    a: 1  # c\n    b: 2\nz: 1"),
        ("z: 1", "t.b", 2, "z: 1\nt:\n  b: 2\n"),
        ("z: 1\r\ny: 2\r\n", "t.b", 2, "z: 1\r\ny: 2\r\nt:\r\n  b: 2\r\n"),
        ("t: |\n  one\n  two\n# c\nz: 1\n", "t", "three\nfour\n", "t: |\n  three\n  four\n# c\nz: 1\n"),
        ("e:\n  t: |\n    one\nz: 1\n", "e.s", "x", "e:\n  t: |\n    one\n  s: x\nz: 1\n"),
        ("e:\n  s: x\nz: 1\n", "e.t", "one\ntwo", "e:\n  s: x\n  t: |-\n    one\n    two\nz: 1\n"),
        ("t: >\n  folded\n  text\n", "t", " odd\n", 't: " odd\\n"\n'),
        ("l: [a, b]\n", "t", 1, "l: [a, b]\nt: 1\n"),
        ("l:\n- a\n- b\n", "t", 1, "l:\n- a\n- b\nt: 1\n"),
    ],
)
def test_an_edit_is_the_smallest_one(before, path, value, after):
    """In place, in the style of the place; quotes, comments, line ends and indentation stay."""
    assert set_value(before, tuple(path.split(".")), value) == after


@pytest.mark.parametrize(
    ("text", "path"),
    [("t: 1\n", "t.a"), ("t:\nz: 1\n", "t.a"), ("t: [1]\n", "t"), ("t: {a: 1}\n", "t"), ("t: {a: 1\n", "t.a"), ("a: &x 1\nt: *x\n", "t")],
)
def test_what_cannot_be_edited_is_refused(text, path):
    """A place that is not a mapping, or not one value; a file that is not ours to begin with."""
    with pytest.raises(CannotEdit):
        set_value(text, tuple(path.split(".")), "x")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("key", KEYS)
def test_every_sample_takes_every_kind_of_value(sample, key):
    """Written and taken away again in meaning: nothing but the value differs, and few lines do."""
    text = sample.read_text(encoding="utf-8")
    edited = set_value(text, tuple(key.split(".")), KEYS[key])
    found = parse(edited.encode())[0]
    for step in key.split("."):
        found = found[step]
    assert found == KEYS[key]
    removed = [line for line in difflib.ndiff(text.splitlines(), edited.splitlines()) if line.startswith("- ")]
    assert len(removed) <= 5
    assert all(line in edited for line in text.splitlines() if line.startswith("#"))


@given(
    st.text(max_size=60), st.sampled_from(["a: 1\nt: x # c\n", "t: |\n  x\nz: 1\n", "t: {a: 1, t: 'x'}\n", "z: 1\n", "u:\n  v: 1\nz: 2\n"])
)
def test_any_text_is_written_so_that_it_is_read_again_or_refused(value, text):
    """Whatever a tenant's administrator has typed: the file says exactly that, or is left alone."""
    for path in (("t",), ("t", "t"), ("u", "t")):
        try:
            edited = set_value(text, path, value)
        except CannotEdit:
            continue
        found = parse(edited.encode())[0]
        for step in path:
            found = found[step]
        assert found == value
