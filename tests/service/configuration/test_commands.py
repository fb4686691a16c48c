"""`tenantry config …` as people type it: output, one-line errors, exit codes, durable runs."""

from __future__ import annotations

import json
import re

import pytest

from .conftest import content

pytestmark = pytest.mark.service


@pytest.fixture
def run(control, make):
    make("acme")
    make("birch")

    def invoke(*arguments, code=0):
        done = control.tenantry("config", *arguments, TENANTRY_ACTOR="grace")
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return invoke


def test_one_tenants_value(run):
    """Set, read, traced and taken back, in text and JSON."""
    assert run("set", "acme", "theme.primary", "#FFF", "--as", "tenant-admin").stdout.strip() == (
        "acme theme.primary: #0b5fff (declaration) → #ffffff (runtime)"
    )
    assert run("get", "acme", "theme.primary").stdout == "#ffffff\n"
    told = json.loads(run("get", "acme", "theme.primary", "--json").stdout)
    assert (told["value"], told["source"], told["declared"], told["updated_by"]) == ("#ffffff", "runtime", "#0b5fff", "grace")
    (newest, _) = json.loads(run("history", "acme", "theme.primary", "--json").stdout)
    assert (newest["changed_by"], newest["old_value"], newest["new_value"], newest["run_id"]) == ("grace", "#0b5fff", "#ffffff", None)
    assert json.loads(run("unset", "acme", "theme.primary", "--json").stdout)["source"] == "declaration"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set", "acne", "limits.users", "9"], "no tenant acne"),
        (["set", "acme", "limits.usres", "9"], "no configuration key"),
        (["set", "acme", "limits.users", "100001"], "at most 100000"),
        (["set", "acme", "limits.users"], "say the value"),
        (["set", "acme", "limits.users", "-5"], "at least 1"),
        (["set", "acme", "limits.users", "-5.5"], "a whole number"),
        (["bulk", "limits.users", "0"], "at least 1"),
        (["bulk", "limits.users", "-1"], "at least 1"),
        (["bulk", "limits.users", "9", "--label", "x"], "has no '='"),
        (["bulk", "limits.users", "9", "--apply", "--plan", "0" * 16], "the preview is"),
        (["undo", "7"], "not a run's id"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(run, arguments, message):
    """What, and what to do; no traceback, nothing touched."""
    before = content()
    done = run(*arguments, code=2)
    lines = done.stderr.strip().splitlines()
    assert message in lines[0]
    assert len(lines) == 2
    assert done.stdout == ""
    assert content() == before


def test_a_bulk_change_is_a_durable_run_that_can_be_undone(run):
    """Preview, apply just that, see the run in the history, undo it: the table is what it was."""
    before = content()
    shown = run("bulk", "limits.users", "25", "--tier", "starter")
    assert content() == before
    assert "acme    main  10 (declaration)  25 (runtime)" in shown.stdout
    (plan,) = re.findall(r"--plan (\w+)", shown.stderr)
    (done,) = json.loads(run("bulk", "limits.users", "25", "--tier", "starter", "--apply", "--plan", plan, "--json").stdout)
    assert (done["state"], [step["summary"] for step in done["steps"]]) == ("done", ["2 tenants changed"])
    assert content()["birch", "limits.users"] == (25, "runtime")
    assert done["id"] in run("history", "acme", "limits.users").stdout
    assert "acme" in run("undo", done["id"], "--preview").stdout
    assert "put back: 2 rows are as they were" in run("undo", done["id"]).stderr
    assert content() == before


def test_keys_are_listed_with_what_may_be_done(run):
    """As a table, JSON and JSON Schema."""
    assert re.search(r"limits\.users +integer +1 to 100,000 +10 +platform +newer", run("keys").stdout)
    schema = json.loads(run("keys", "--schema").stdout)
    assert schema["properties"]["limits.users"]["maximum"] == 100_000
    assert {entry["key"] for entry in json.loads(run("keys", "--json").stdout)} == set(schema["properties"])
