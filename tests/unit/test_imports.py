"""Where modules are imported: two threads that first import from one package at once fail at random."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from local.home import CLONE
from tenantry import preload

COMMANDS = ("tenantry/cli.py", "tenantry/commands/")
"""They run on the main thread before there is another, and import what they do when they do it: `tenantry --help` needs none of it."""


def _inside_functions(path: Path) -> Iterator[tuple[str, str]]:
    """Where, and the module that is imported there."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                where = f"{path.relative_to(CLONE)}:{node.lineno}" if isinstance(node, ast.stmt) else ""
                if isinstance(node, ast.Import):
                    yield from ((where, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    yield where, str(node.module)


def _all() -> Iterator[tuple[str, str]]:
    for top in ("components", "stacks", "tenantry"):
        for path in sorted((CLONE / top).rglob("*.py")):
            if not str(path.relative_to(CLONE)).startswith(COMMANDS):
                yield from _inside_functions(path)


def test_what_is_imported_inside_a_function_is_loaded_before_threads() -> None:
    """Other modules import at the top; what takes long is named in tenantry.preload."""
    known = set(preload.STORES + preload.REST) | {module.split(".")[0] for module in preload.STORES + preload.REST} - {"tenantry"}
    found = list(_all())
    assert found, "nothing was looked at"
    assert [f"{where}: {module}" for where, module in found if not {module, module.split(".")[0]} & known] == []


@pytest.mark.parametrize("module", preload.STORES + preload.REST)
def test_what_is_loaded_before_threads_is_there(module: str) -> None:
    import_module(module)
