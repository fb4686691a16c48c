"""The YAML reader: what it refuses, where it says so, and what it makes of plain values."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tenantry.declaration.yaml_source import MAX_BYTES, YamlFaults, parse

PLAIN = b"name: A\n"


def faults(data: bytes) -> list[tuple[int, int, str]]:
    with pytest.raises(YamlFaults) as caught:
        parse(data)
    return [(fault.line, fault.column, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("data", "line", "column", "word"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, 1, "twice"),
        (b"a: {b: 1, b: 2}\n", 1, 11, "twice"),
        (b"a: &x 1\n", 1, 4, "anchors"),
        (b"a: [1]\nb: *x\n", 2, 4, "aliases"),
        (b"<<: {a: 1}\n", 1, 1, "merge"),
        (b"a: !!str 1\n", 1, 4, "tags"),
        (b"a: !x {b: 1}\n", 1, 4, "tags"),
        (b"a: !!python/object/apply:os.system [id]\n", 1, 4, "tags"),
        (b"a: 1\n---\nb: 2\n", 2, 1, "one document"),
        (b"%TAG ! tag:x,2000:\n---\na: 1\n", 1, 1, "directives"),
        (b"[a]: 1\n", 1, 1, "plain text"),
        (b"? {a: 1}\n: 1\n", 1, 3, "plain text"),
        (b"", 1, 1, "empty"),
        (b"# nothing\n", 1, 1, "empty"),
        (b"- a\n", 1, 1, "mapping"),
        (b"text\n", 1, 1, "mapping"),
        (b"a: 1\n\tb: 2\n", 2, 1, "not YAML"),
        ("ä: ü\0\n".encode(), 1, 5, "NUL"),
        ("ä: 1\nü: ".encode() + b"\xff\n", 2, 4, "UTF-8"),
        ("a: ä\nb: ä\x07\n".encode(), 2, 5, "control"),
        ("a: 1".encode("utf-16"), 1, 1, "UTF-8"),
        (b"a: " + b"[" * 100_000, 1, 23, "deeper"),
        (b"a: " + b"{a: " * 50_000, 1, 80, "deeper"),
        (b"a: [" + b"1," * 100_000 + b"]", 1, 10_001, "5,000"),
        (b"a: |\n  x\n  <<<<<<< HEAD\n  y\n  =======\n  z\n  >>>>>>> b\n", 3, 3, "conflict"),
        (b'a: "x\n<<<<<<< HEAD\ny"\n', 2, 1, "conflict"),
        (b"a: |\n  x\n  ||||||| 1a2b3c4\n  y\n", 3, 3, "conflict"),
        (b"a: |\r\n  x\r\n  >>>>>>> b\r\n", 3, 3, "conflict"),
        (b"a: x\n<<<<<<< HEAD\nb: 1\n", 2, 1, "conflict"),
    ],
)
def test_refused_where_it_stands(data: bytes, line: int, column: int, word: str) -> None:
    """Each thing that makes a file hard to review, or a parser fall over, is refused at its line and column."""
    (found,) = faults(data)
    assert found[:2] == (line, column)
    assert word in found[2]


def test_several_faults_at_once() -> None:
    """Faults that do not stop reading are all told."""
    found = faults(b"a: &x 1\nb: *x\n<<: *x\na: !!int 1\n")
    assert [place[:2] for place in found] == [(1, 4), (2, 4), (3, 1), (3, 5), (4, 1), (4, 4)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("true", True), ("False", False), ("tRue", "tRue"),
        ("null", None), ("~", None), ("", None), ("12", 12), ("-3", -3), ("0", 0), ("010", "010"), ("0o10", "0o10"), ("0x1f", "0x1f"),
        ("1_000", "1_000"), ("12:30", "12:30"), ("2026-01-01", "2026-01-01"), ("1.5", 1.5), (".inf", ".inf"), (".nan", ".nan"),
        ("9" * 30, "9" * 30), ('"true"', "true"), ("'12'", "12"), ("=", "="), ("<<", "<<"), ("1e5", "1e5"),
    ],
)  # fmt: skip
def test_plain_values(text: str, value: Any) -> None:
    """Only true and false are booleans, numbers are decimal, everything doubtful stays text."""
    found = parse(f"a: {text}\n".encode())[0]["a"]
    assert found == value
    assert type(found) is type(value)


def test_positions_count_characters() -> None:
    """Columns count characters, not bytes, from 1; keys and values have their own."""
    _, positions = parse("ä: [ö, {ü: x}]\n".encode())
    assert positions.of(("ä",), key=True) == (1, 1)
    assert positions.of(("ä", 0)) == (1, 5)
    assert positions.of(("ä", 1, "ü"), key=True) == (1, 9)
    assert positions.of(("ä", 1, "ü")) == (1, 12)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, min_size=1, max_size=5))
def test_what_pyyaml_writes_is_read_back(value: dict[str, Any]) -> None:
    """Any mapping of plain values that PyYAML writes without anchors reads back as itself."""

    class NoAnchors(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    assert parse(yaml.dump(value, Dumper=NoAnchors, allow_unicode=True).encode())[0] == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No input makes the reader fail in another way than its own."""
    with suppress(YamlFaults):
        assert isinstance(parse(data)[0], dict)


def test_a_hostile_file_costs_neither_time_nor_memory(tmp_path: Any) -> None:
    """10 MB, deep nesting and long lists are refused under 1 s and 256 MB, measured in a process of its own.

    ``VmHWM``, because ``ru_maxrss`` of a new process begins with its parent's.
    """
    (tmp_path / "defaults").mkdir()
    (tmp_path / "defaults" / "starter.yaml").write_text("isolation: rls\n")
    head = b"name: A\ntier: starter\nadmin: {name: A, email: a@a.example}\n"
    for slug, data in {
        "big": b"#" * 10_000_000,
        "nested": b"[" * MAX_BYTES,
        "long": head + b"domains: [" + b"a," * 120_000 + b"]",
        "twice": head + b"name: B\n" * 20_000,
        "labels": head + b"labels: {" + b",".join(b"%d: 1" % number for number in range(2_400)) + b"}",
    }.items():
        (tmp_path / f"{slug}.yaml").write_bytes(data)
    program = (
        "import re, sys, time\nfrom pathlib import Path\nfrom tenantry.declaration import DeclarationErrors, load\n"
        "start = time.process_time()\n"
        "try:\n    load(Path(sys.argv[1]))\nexcept DeclarationErrors as error:\n    print(len({p.file for p in error.problems}))\n"
        "print(time.process_time() - start, re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    files, cost = done.stdout.splitlines()
    seconds, kilobytes = cost.split()
    assert int(files) == 5
    assert float(seconds) < 5  # five files, each under a second
    assert int(kilobytes) < 256 * 1024
