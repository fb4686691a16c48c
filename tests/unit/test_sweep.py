"""What one tenant raises ends no work that goes over many."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from tenantry import sweep
from tenantry.errors import InputError, TransientError, WorkError

ROOT = Path(__file__).parents[2] / "tenantry"

SWEEPS = {
    "operations/mailing.py": ("_send", "_attempt"),
    "engine/fleet.py": ("_attempt",),
    "operations/doctor.py": ("_attempt",),
    "operations/drill.py": ("run", "run_all"),
    "operations/lifecycle/expiry.py": ("hold_expiry",),
    "operations/move/kinds.py": ("finish_due",),
    "operations/restore/ending.py": ("sweep",),
    "operations/backup/retention.py": ("prune",),
    "operations/backup/proof.py": ("sweep",),
    "operations/table_check.py": ("sweep",),
    "operations/provision.py": ("_ask_all",),
    "work/tasks/schedule.py": ("catch_up", "mend"),
    "work/tasks/child.py": ("_guarded",),
    "work/worker.py": ("_beat", "_mend"),
    "operations/rollout.py": ("_migrate",),
    "stores/table_sets.py": ("_look",),
    "operations/backup/run.py": ("request_all",),
    "operations/proposals.py": ("advance",),
    "operations/webhook_sender.py": ("_run", "_attempt"),
    "operations/webhook_notices.py": ("sweep",),
    "operations/rotation.py": ("request_all", "end_formers"),
}
"""Every function that goes over tenants, mails, backups, runs or stacks, or does the work of one of many."""


def raising(item):
    if item == "first":
        raise RecursionError("maximum recursion depth exceeded")
    return item.upper()


def test_every_item_has_its_turn():
    """Whatever is raised is that item's fault, in words."""
    swept = sweep.over(["first", "second"], raising)
    assert swept.results == ["SECOND"]
    (item, error), *rest = swept.failed
    assert (item, rest) == ("first", [])
    assert error.message == "unexpected RecursionError: maximum recursion depth exceeded"
    with pytest.raises(WorkError, match="mailing failed for 1 of 2: FIRST: unexpected RecursionError"):
        swept.refuse("mailing", str.upper)
    sweep.over(["second"], raising).refuse("mailing", str.upper)


def test_an_interruption_ends_it():
    """Ctrl-C is nobody's fault."""

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep.over(["first"], interrupted)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InputError("a", "b"), InputError),
        (psycopg.errors.DeadlockDetected("deadlock detected"), TransientError),
        (KeyError("x"), WorkError),
    ],
)
def test_errors_keep_their_kind(error, kind):
    """What passes may be tried again; what is ours says what to do."""
    assert type(sweep.as_error(error)) is kind


@pytest.mark.parametrize(("file", "name"), [(file, name) for file, names in SWEEPS.items() for name in names])
def test_every_sweep_uses_the_one_mechanism(file, name):
    """It goes through `tenantry.sweep`, or catches every Exception of the one item at hand."""
    found = [
        node
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    assert found
    for function in found:
        calls = {node.func.id for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        handlers = [node.type.id for node in ast.walk(function) if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name)]
        assert "over" in calls or "Exception" in handlers


def test_no_stack_ends_the_run_over_all():
    """`up --all`: a stack that raises what nobody foresaw has failed, the others of its level are done."""
    from tenantry.engine import fleet

    def work(stack):
        return raising({"shared": "second", "acme": "first", "birch": "third"}[stack])

    found = {result.stack: result for result in fleet.over(["shared", "acme", "birch"], work, {}, parallel=1, before={})}
    assert found["acme"].error.message.startswith("unexpected RecursionError")
    assert (found["birch"].outcome, found["birch"].error) == ("THIRD", None)


def test_no_check_ends_doctor():
    """A check that raises what nobody foresaw has failed."""
    from tenantry.operations import doctor

    found = doctor._attempt("mail", lambda: raising("first"))
    assert (found.ok, found.found) == (False, "unexpected RecursionError: maximum recursion depth exceeded")


def test_no_tenant_ends_the_drills(monkeypatch):
    from tenantry.operations import drill

    stores = [SimpleNamespace(slug=slug, state="active") for slug in ("first", "second")]
    monkeypatch.setattr(drill.TenantStore, "every", lambda: stores)
    monkeypatch.setattr(drill, "run", lambda slug, tell: raising(slug))
    done, failed = drill.run_all()
    assert done == "SECOND"
    assert (failed.slug, failed.ok) == ("first", False)


def test_no_backup_ends_pruning(monkeypatch):
    from tenantry.operations.backup import retention

    entries = [SimpleNamespace(id=name, bucket="b", prefix=name) for name in ("first", "second")]
    marked = []
    monkeypatch.setattr(retention, "plan", lambda *_: entries)
    monkeypatch.setattr(retention.backups, "listed", lambda **_: [])
    monkeypatch.setattr(retention.Retention, "of_platform", lambda: None)
    monkeypatch.setattr(retention.objects, "erase", lambda bucket, prefix: raising(prefix))
    monkeypatch.setattr(retention.backups, "mark", lambda name, **_: marked.append(name))
    gone, held = retention.prune()
    assert ([entry.id for entry in gone], marked) == (["second"], ["second"])
    assert held == ["first: unexpected RecursionError: maximum recursion depth exceeded"]


def test_no_tenant_keeps_another_ones_hold_from_ending(monkeypatch):
    """Nor one's backups those of another; what failed is told, and tried again by the next sweep."""
    from tenantry.operations.lifecycle import deletion, expiry

    holds = [SimpleNamespace(tenant=slug, wish="delete") for slug in ("first", "second")]
    erased = []
    monkeypatch.setattr(expiry, "expired", lambda: holds)
    monkeypatch.setattr(expiry, "_slug", lambda hold: hold.tenant)
    monkeypatch.setattr(deletion, "under_way", lambda tenant: None)
    monkeypatch.setattr(deletion, "request", lambda slug, *_, **__: raising(slug))
    monkeypatch.setattr(expiry, "_kept_too_long", list)
    monkeypatch.setattr(expiry.quarantine, "forget_expired", lambda: 0)
    found = expiry.hold_expiry()
    assert found.requested == {"second": "SECOND"}
    assert found.waiting == {"first": "unexpected RecursionError: maximum recursion depth exceeded"}

    monkeypatch.setattr(expiry, "_kept_too_long", lambda: ["first", "second"])
    monkeypatch.setattr(expiry, "_erase", lambda tenant: erased.append(raising(tenant)) or 1)
    with pytest.raises(WorkError, match="erasing backups whose time is over failed for 1 of 2: first"):
        expiry.hold_expiry()
    assert erased == ["SECOND"]


def test_no_move_and_no_restore_keeps_another_waiting(monkeypatch):
    from tenantry.operations.move import kinds, request
    from tenantry.operations.restore import ending, run

    monkeypatch.setattr(kinds.moves, "due", lambda: {"first": "1", "second": "2"})
    asked = []
    monkeypatch.setattr(request, "follow_up", lambda name, slug, **_: asked.append(raising(slug)))
    with pytest.raises(WorkError, match="the clean-up of 1 of 2 moves was not asked for: 1"):
        kinds.finish_due()
    assert asked == ["SECOND"]

    restores = [SimpleNamespace(id=name, tenant_id=name) for name in ("first", "second")]
    monkeypatch.setattr(run.TenantStore, "every", lambda: [SimpleNamespace(id=one.id, slug=one.id) for one in restores])
    monkeypatch.setattr(run.restores, "overdue", lambda: restores)
    monkeypatch.setattr(ending, "confirm", raising)
    with pytest.raises(WorkError, match="1 of 2 restores were not confirmed: first"):
        ending.sweep()


def test_no_chore_of_a_worker_keeps_another_from_its_turn(monkeypatch):
    """Runs to give up, tasks to queue again, slots to catch up with."""
    from tenantry.work.tasks import schedule
    from tenantry.work.worker import Worker

    ended, said = [], []
    worker = Worker.__new__(Worker)
    worker._say, worker._schedules = said.append, True
    monkeypatch.setattr("tenantry.control.runs.abandoned", lambda: [{"id": "first"}, {"id": "second"}])
    monkeypatch.setattr("tenantry.control.runs.abandon", lambda run: ended.append(raising(run)))
    monkeypatch.setattr(schedule, "mend", lambda: raising("first"))
    monkeypatch.setattr(schedule, "catch_up", lambda: ended.append("caught up"))
    worker._mend()
    assert ended == ["SECOND", "caught up"]
    cause = "unexpected RecursionError: maximum recursion depth exceeded"
    assert said == [f"to be tried again: giving up runs failed for 1 of 2: first: {cause}", f"to be tried again: {cause}"]


def test_no_database_ends_the_look_at_the_fleet():
    """`migrate`: a place that cannot be looked at is a place with a problem."""
    from dataclasses import dataclass

    from tenantry.stores import table_sets

    @dataclass(frozen=True)
    class Odd:
        server: str | None = "s"
        database: str = "d"
        problem: str = ""

        def connected(self):
            return raising("first")

    (found,) = table_sets._look([Odd()], {"d"})
    assert found.problem.startswith("unexpected RecursionError")


def test_a_stack_that_failed_keeps_only_those_from_being_begun_that_need_it():
    """A cell that fails is no reason for the tenants of the others; the main cell, which has the registry, is one for everybody."""
    from tenantry.engine import fleet

    declared = {slug: SimpleNamespace(cell=cell) for slug, cell in (("acme", "main"), ("elm", "eu1"))}

    def run(failing):
        def work(stack):
            if stack == failing:
                raise WorkError("failed")

        results = fleet.over(["shared", "shared-eu1", "acme", "elm"], work, declared, parallel=1, before={})
        return {result.stack: result.error.message if result.error else "" for result in results}

    assert run("shared-eu1") == {
        "shared": "", "shared-eu1": "failed", "acme": "", "elm": "not begun, because it needs shared-eu1, which failed"
    }  # fmt: skip
    assert set(run("shared").values()) == {"failed", "not begun, because it needs shared, which failed"}
    assert run("acme") == {"shared": "", "shared-eu1": "", "acme": "failed", "elm": ""}
