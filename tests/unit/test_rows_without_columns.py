"""``SELECT FROM …`` gives rows without columns, and such a row is false: nobody may ask whether it is true."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.home import CLONE

FILES = sorted(path for name in ("tenantry", "components", "local", "stacks") for path in (CLONE / name).rglob("*.py"))


def asked_for_truth(tree: ast.AST) -> Iterator[ast.expr]:
    """What stands where only its truth counts."""
    for node in ast.walk(tree):
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test) | ast.UnaryOp(ast.Not(), test):
                yield test
            case ast.BoolOp(values=values):
                yield from values
            case ast.Call(ast.Name("bool"), [argument]):
                yield argument


def columnless(node: ast.expr) -> bool:
    """Whether it is one row of a statement that asks for no column."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fetchone"):
        return False
    texts = (each.value for each in ast.walk(node.func.value) if isinstance(each, ast.Constant) and isinstance(each.value, str))
    return any(text.lstrip().upper().startswith("SELECT FROM ") for text in texts)


def test_nobody_asks_whether_a_row_without_columns_is_true() -> None:
    found = [
        f"{path.relative_to(CLONE)}:{node.lineno}"
        for path in FILES
        for node in asked_for_truth(ast.parse(path.read_text(encoding="utf-8")))
        if columnless(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'if c.execute("SELECT FROM a").fetchone(): pass',
        'x = not c.execute("SELECT FROM a WHERE b = %s", [1]).fetchone()',
        'bool(c.execute("SELECT FROM a").fetchone())',
    ],
)
def test_it_is_found(line: str) -> None:
    assert any(columnless(node) for node in asked_for_truth(ast.parse(line)))


def test_what_counts_columns_or_looks_for_none_is_well() -> None:
    text = 'if c.execute("SELECT FROM a").fetchone() is not None or c.execute("SELECT 1 FROM a").fetchone(): pass'
    assert not any(columnless(node) for node in asked_for_truth(ast.parse(text)))


def test_there_are_files() -> None:
    assert Path(CLONE / "tenantry" / "postgres" / "logins.py") in FILES
