"""The run of a whole stack in the journal: joined only for the same declarations, with a line for each tenant; whose welcome is owed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import run_tenants, runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.control.run_tenants import Line
from tenantry.operations import apply_run, welcome
from tenantry.work import queue
from tenantry.work.step import Run
from tests.service import control_database

pytestmark = pytest.mark.service

STACK = "shared-pending"
ASH, YEW = Line("pending-ash", "new", "a:1", welcome=True), Line("pending-yew", "declaration", "b:1")


@pytest.fixture(autouse=True)
def journal(in_cloud):
    """The control database; no trace of what is asked for stays."""
    control_database.make()
    yield
    with transaction() as connection:
        ids = [row["id"] for row in connection.execute("DELETE FROM runs WHERE stack LIKE '%pending%' RETURNING id")]
        for line in (ASH, YEW):
            for table in ("outbox", "invitations", "audit_log"):
                connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [line.tenant])
            connection.execute("DELETE FROM tenants WHERE id = %s", [line.tenant])
    queue.client().delete_workflows([f"{run_id}:{number}" for run_id in ids for number in range(3)])


def ask(*lines, stack=STACK, by="test"):
    return apply_run.request(stack, lines, actor=Actor(by, "pull-request"))


def enter(line, state="active", **invitation):
    with transaction() as connection:
        connection.execute(
            "INSERT INTO tenants (id, slug, name, tier, isolation, cell, stack, state, host, database, schema, app_role, bucket, prefix)"
            " VALUES (%s, %s, 'T', 'starter', 'schema', 'main', %s, %s, %s, 'cell_main', 's', 'r', 'b', 'p')",
            [line.tenant, line.slug, STACK, state, f"{line.slug}.tenantry.example"],
        )
        connection.execute(
            "INSERT INTO invitations (tenant_id, email, name, role, issued_at) VALUES (%s, 'a@x.example', 'A', 'admin', %s)",
            [line.tenant, invitation.get("issued_at")],
        )


def owed():
    with transaction() as connection:
        return run_tenants.owed(connection) & {ASH.tenant, YEW.tenant}


@pytest.mark.parametrize("stack", [STACK, "pending-yew"])
def test_a_stacks_run_is_joined_only_for_the_same_declarations(stack):
    """One for others follows, and is then the one that is joined; one that failed is resumed."""
    first = ask(ASH, YEW, stack=stack)
    assert ask(YEW, ASH, stack=stack) == first
    other = ask(ASH, stack=stack)
    assert other != first
    assert ask(ASH, stack=stack) == other
    last = ask(ASH, YEW, stack=stack)
    assert last not in (first, other), "what comes last is what was asked for last"
    runs_at_work.claim(last, "test")
    runs_at_work.finish(last, "test", "failed", "it rained")
    assert ask(ASH, YEW, stack=stack) == last
    assert (runs.read(last)["state"], runs.read(last)["resumed"]) == ("queued", 1)
    assert [line.slug for line in run_tenants.of(last)] == ["pending-ash", "pending-yew"]


def test_those_who_ask_at_once_get_one_run():
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: ask(ASH, YEW), range(8)))) == 1


def test_a_tenants_journal_has_the_stacks_run():
    """With its own line only; another tenant's journal has none of it."""
    run_id = ask(ASH)
    assert [row["id"] for row in run_tenants.runs_of(ASH.tenant, 5)] == [run_id]
    assert run_tenants.runs_of(YEW.tenant, 5) == []
    ask(ASH, YEW)
    assert [line.slug for line in run_tenants.of(run_tenants.runs_of(YEW.tenant, 5)[0]["id"], YEW.tenant)] == ["pending-yew"]


def test_a_welcome_is_owed_until_somebody_was_given_a_link():
    """Whatever became of the run: a tenant that was new in one that failed is welcomed by the next, and nobody twice."""
    ask(ASH, YEW)
    assert owed() == {ASH.tenant}
    enter(ASH)
    assert owed() == {ASH.tenant}
    assert len(welcome.begin(ASH.tenant)) == 3
    assert owed() == set()
    with transaction() as connection:
        connection.execute("UPDATE invitations SET revoked_at = now() WHERE tenant_id = %s", [ASH.tenant])
        connection.execute("INSERT INTO invitations (tenant_id, email, name, role) VALUES (%s, 'b@x.example', 'B', 'admin')", [ASH.tenant])
    assert owed() == set(), "another administrator in the file is no new tenant"


def step(run_id, name):
    run = Run.of(runs_at_work.claim(run_id, "test"), "test")
    (work,) = [step.work for step in apply_run.APPLY.steps(run) if step.name == name]
    return run, work(run)


def test_welcomed_in_a_step_that_is_killed_and_begun_again():
    """The same mails, and no other."""
    enter(ASH)
    run_id = ask(ASH, YEW)
    run, said = step(run_id, "first administrators")
    again, _ = step(run_id, "first administrators")
    assert said == "invitation issued, welcome sequence queued: pending-ash"
    assert len(run.notes["mails"]) == 3
    assert again.notes["mails"] == run.notes["mails"]


def test_who_was_invited_by_command_meanwhile_is_not_welcomed_as_well():
    enter(ASH, issued_at=datetime.now(UTC))
    run, said = step(ask(ASH), "first administrators")
    assert (said, run.notes["mails"]) == ("", [])


def test_a_tenant_that_another_run_makes_beside_is_owed_a_welcome(monkeypatch, tmp_path):
    """`provision X` makes all of X's stack: who came into being so is found by whoever asks what is pending."""
    from tenantry.engine import automation
    from tenantry.operations import engine_step  # loaded late, as by a worker

    class Stack(dict):
        def of_stack(self, stack):
            return list(self.values())

    class Tenant:
        def __init__(self, slug, state="active"):
            self.slug, self.state = slug, state

    enter(YEW)
    declared = Stack({line.slug: Tenant(line.slug) for line in (ASH, YEW)})
    monkeypatch.setattr(engine_step.admission, "load", lambda: type("Admitted", (), {"declared": declared}))
    monkeypatch.setattr(automation, "up", lambda *_: type("Outcome", (), {"changes": {"create": 3}}))
    run_id = queue.request(runs.Request("provision", YEW.slug, YEW.tenant, STACK, actor=Actor("test")))
    engine_step.apply(Run.of(runs_at_work.claim(run_id, "test"), "test"), STACK)
    assert owed() == {ASH.tenant}
    (line,) = run_tenants.of(run_id)
    assert (line.slug, line.outcome) == ("pending-ash", "beside")
    assert naming.tenant_id(line.slug) == ASH.tenant
