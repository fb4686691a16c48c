"""What the engine's history says of a run, as its command line writes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tenantry.backend import stack_history


def entry(monkeypatch, **found):
    run = {
        "kind": "update", "result": "succeeded", "startTime": "2026-11-27T07:14:52.000Z", "endTime": "2026-11-27T07:14:54.000Z",
        "environment": {"exec.kind": "cli", "pulumi.flag.yes": "true", "pulumi.flag.stack": "set"}, "resourceChanges": {"same": 9}, **found,
    }  # fmt: skip
    answer = SimpleNamespace(returncode=0, stdout=json.dumps([run]).encode(), stderr=b"")
    monkeypatch.setattr(stack_history.process, "run", lambda *args, **more: answer)
    return stack_history.read("shared")[0]


@pytest.mark.parametrize(
    "name",
    ["pulumi.flag.target", "pulumi.flag.exclude", "pulumi.flag.target-replace", "pulumi.flag.plan", "pulumi.env.PULUMI_OPTION_TARGET",
     "pulumi.env.PULUMI_OPTION_EXCLUDE_DEPENDENTS"],
)  # fmt: skip
def test_what_leaves_something_out_is_not_whole(monkeypatch, name):
    assert not entry(monkeypatch, environment={name: "set"}).whole


@pytest.mark.parametrize("name", ["pulumi.flag.refresh", "pulumi.flag.replace", "pulumi.env.PULUMI_OPTION_CONFIG_FILE", "pulumi.flag.diff"])
def test_what_leaves_nothing_out_is(monkeypatch, name):
    assert entry(monkeypatch, environment={name: "set"}).whole


@pytest.mark.parametrize("found", [{"result": "failed"}, {"kind": "refresh"}, {"kind": "destroy"}, {"kind": "import"}])
def test_only_an_update_that_ended_well_is_whole(monkeypatch, found):
    assert not entry(monkeypatch, **found).whole


def test_what_a_run_left_as_it_was(monkeypatch):
    """By what was done: a failed run that replaced or removed may have taken something back."""
    assert entry(monkeypatch, kind="refresh", resourceChanges={"update": 2}).harmless
    assert entry(monkeypatch, result="failed", resourceChanges={}).harmless
    assert not entry(monkeypatch, kind="destroy", resourceChanges={"delete": 1}).harmless
    assert not entry(monkeypatch, kind="import", resourceChanges={"import": 1}).harmless
    assert entry(monkeypatch, result="failed", resourceChanges={"same": 4, "create": 1}).takes_nothing_back
    for operation in ("delete", "replace", "create-replacement", "delete-replaced", "discard-replaced"):
        assert not entry(monkeypatch, resourceChanges={operation: 1}).takes_nothing_back


def test_a_moment_within_a_run(monkeypatch):
    """The history's times are cut to whole seconds."""
    found = entry(monkeypatch)
    assert found.spans(datetime(2026, 11, 27, 7, 14, 54, 900_000, tzinfo=UTC))
    assert not found.spans(datetime(2026, 11, 27, 7, 14, 55, 100_000, tzinfo=UTC))
    assert not found.spans(datetime(2026, 11, 27, 7, 14, 51, tzinfo=UTC))


def test_no_stack_has_no_history(monkeypatch):
    answer = SimpleNamespace(returncode=255, stdout=b"", stderr=b"error: no stack named 'x' found")
    monkeypatch.setattr(stack_history.process, "run", lambda *args, **more: answer)
    assert stack_history.read("x") == []
