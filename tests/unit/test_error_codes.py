"""Programs tell errors by a code: every code is given somewhere and explained once, and a failed command prints it."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from pathlib import Path

import pytest

from tenantry import cli, console
from tenantry.control.admitted import _CODES
from tenantry.declaration.loader import Declarations
from tenantry.engine import backend_lock, stack_lock
from tenantry.errors import CODES, Code, InputError, OlderProgram, TenantryError, TransientError, WorkError
from tenantry.postgres import locks
from tenantry.problems import DeclarationErrors, Problem
from tenantry.stores import tenant_store

ROOT = Path(__file__).resolve().parents[2]
PROBLEM = Problem("tenants/acme.yaml", 3, 1, "is wrong", "write it right")


def given() -> dict[str, str]:
    """Code → where it is given: to an error as it is raised, or by its class."""
    found: dict[str, str] = {code: "control/admitted.py" for code in _CODES.values()}
    for file in sorted((ROOT / "tenantry").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            values: list[ast.expr | None] = []
            if isinstance(node, ast.Call):
                values = [word.value for word in node.keywords if word.arg == "code"]
            elif isinstance(node, ast.ClassDef):
                values = [getattr(each, "value", None) for each in node.body if re.match(r"code(: Code)? = ", ast.unparse(each))]
            for value in values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and "." in value.value:
                    found.setdefault(value.value, f"{file.relative_to(ROOT)}:{value.lineno}")
    return found


def test_every_code_is_given_and_declared():
    found = given()
    assert {code: where for code, where in found.items() if code not in CODES} == {}, "not in errors.Code"
    assert sorted(set(CODES) - set(found)) == [], "given nowhere"
    assert list(CODES) == sorted(CODES)
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+", code) for code in CODES)


def test_every_code_is_explained():
    """docs/operations.md has a row for each, and none for another."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("## Codes of errors\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z.]+)` \| \S", section, re.MULTILINE) == list(CODES)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TenantryError("x"), "work.failed"),
        (InputError("x"), "input.invalid"),
        (WorkError("x"), "work.failed"),
        (TransientError("x"), "work.transient"),
        (OlderProgram("x"), "program.older"),
        (DeclarationErrors([PROBLEM]), "declaration.invalid"),
        (locks.Taken("ledger", ""), "lock.taken"),
        (stack_lock.Busy("x"), "stack.busy"),
        (backend_lock.Held("x"), "stack.busy"),
        (tenant_store.unknown("acne", ["acme"]), "tenant.unknown"),
        (InputError("x", code="name.quarantined"), "name.quarantined"),
    ],
)
def test_an_error_has_the_code_of_its_class_or_its_own(error: TenantryError, code: Code):
    assert error.code == code
    assert error.as_json()["code"] == code


def test_unknown_names_have_codes_and_hints():
    """Without a server: the declarations."""
    with pytest.raises(InputError) as caught:
        Declarations({}).tenant("acme")
    assert caught.value.code == "tenant.unknown"


@pytest.fixture
def run(monkeypatch):
    """Runs main with a command in the place of all others: exit code, stdout, stderr."""

    def called(work, *arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(cli, "app", lambda standalone_mode: work())
        monkeypatch.setattr(cli, "_register", lambda: None)
        monkeypatch.setattr("os.umask", lambda _: 0)
        monkeypatch.setattr("tenantry.waiting.watch", lambda _: None)
        monkeypatch.setattr(sys, "argv", ["tenantry", "work", *arguments])
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, out.getvalue(), err.getvalue()

    return called


def failing(error: Exception, result: object = None):
    def work() -> None:
        if result is not None:
            console.print_json(result)
        raise error

    return work


def test_with_json_an_error_is_an_object(run):
    code, out, err = run(failing(InputError("no tenant acne", "did you mean acme?", code="tenant.unknown")), "--json")
    assert (code, err) == (2, "")
    assert json.loads(out) == {"error": "no tenant acne", "hint": "did you mean acme?", "code": "tenant.unknown"}


def test_problems_are_objects_too(run):
    code, out, _ = run(failing(DeclarationErrors([PROBLEM])), "--json")
    found = json.loads(out)
    assert (code, found["code"], found["error"].splitlines()[0]) == (2, "declaration.invalid", "1 problem in 1 file")
    assert found["problems"] == [PROBLEM.as_json()]


def test_below_a_result_the_error_is_the_last_line_of_stderr(run):
    """Standard output stays one JSON document."""
    code, out, err = run(failing(WorkError("it rained", "wait", code="run.failed"), [{"state": "failed"}]), "--json")
    assert (code, json.loads(out)) == (1, [{"state": "failed"}])
    assert json.loads(err.splitlines()[-1]) == {"error": "it rained", "hint": "wait", "code": "run.failed"}


def test_what_nobody_foresaw_has_a_code(run):
    code, out, _ = run(failing(KeyError("x")), "--json")
    assert (code, json.loads(out)["code"]) == (1, "program.unexpected")


def test_without_json_an_error_is_two_lines(run):
    code, out, err = run(failing(WorkError("it rained", "wait", code="run.failed")))
    assert (code, out, err) == (1, "", "error: it rained\n  wait\n")
