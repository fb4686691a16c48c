"""What a run came to, by ledger, state and history: nobody is called applied on less."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenantry.backend import stack_history, stack_state
from tenantry.backend.stack_history import Entry
from tenantry.backend.stack_state import State
from tenantry.control import admission, ledger, stack_runs
from tenantry.control.ledger import KnownTenant, Ledger
from tenantry.declaration import Declarations, TenantDeclaration
from tenantry.engine import applied
from tenantry.engine.applied import Evidence, Waiting
from tenantry.errors import WorkError
from tenantry.operations import doctor
from tenantry.postgres.server import Server

pytestmark = pytest.mark.service

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


class Stack:
    """A stack whose engine is played: its state's time and its history are what the test says."""

    def __init__(self, monkeypatch, name):
        self.name, self.entries, self.saved_at = name, [], None
        monkeypatch.setattr(stack_state, "read", lambda stack: self.state)
        monkeypatch.setattr(stack_history, "read", lambda stack: list(self.entries))
        monkeypatch.setattr(stack_runs, "datetime", type("Clock", (datetime,), {"now": classmethod(lambda cls, zone: self.now)}))
        self.now, self.lineage = NOW, None

    @property
    def state(self):
        return State(self.saved_at, {"lineage": self.lineage} if self.lineage else {})

    def begin(self, **fingerprints):
        """The program passes the gate."""
        self.now += timedelta(minutes=1)
        with Server.from_environment().connect() as connection:
            connection.autocommit = True
            known = [KnownTenant(self.name + slug, self.name, "rls", "main", "active", print_) for slug, print_ in fingerprints.items()]
            self.lineage = ledger.begin(connection, Ledger.read(connection, self.name), [], known, self.state)

    def end(self, kind="update", *, succeeded=True, narrowed=False, **changes):
        """The engine ends and saves the state."""
        start, self.now = self.now.replace(microsecond=0), self.now + timedelta(seconds=5)
        self.saved_at = self.now - timedelta(seconds=1)
        self.entries.insert(0, Entry(kind, succeeded, narrowed, changes or {"same": 1}, start, self.now.replace(microsecond=0)))

    def by_hand(self, kind, **changes):
        """A run of the engine without the program."""
        self.now += timedelta(minutes=1)
        self.end(kind, **changes)

    def applied(self):
        return {slug.removeprefix(self.name): found for slug, found in Evidence.of([self.name]).fingerprints.items() if found}


@pytest.fixture
def stack(in_cloud, monkeypatch, request):
    return Stack(monkeypatch, f"stack-{request.node.name}")


def test_a_whole_run_applies_all(stack):
    stack.begin(a="1", b="1")
    assert stack.applied() == {}  # at work
    stack.end()
    assert stack.applied() == {"a": "1", "b": "1"}
    stack.by_hand("refresh", update=3)
    assert stack.applied() == {"a": "1", "b": "1"}


@pytest.mark.parametrize("outcome", [{"narrowed": True}, {"succeeded": False}])
def test_after_any_other_run_only_what_had_not_changed_is_known(stack, outcome):
    stack.begin(a="1", b="1")
    stack.end()
    assert stack.applied() == {"a": "1", "b": "1"}
    stack.begin(a="2", b="1")
    stack.end(update=1, **outcome)
    assert stack.applied() == {"b": "1"}
    stack.begin(a="2", b="1")
    stack.end()
    assert stack.applied() == {"a": "2", "b": "1"}


def test_a_run_that_replaced_and_did_not_end_well_leaves_nobody(stack):
    stack.begin(a="1")
    stack.end()
    assert stack.applied() == {"a": "1"}
    stack.begin(a="1")
    stack.end(succeeded=False, same=1, replace=1)
    assert stack.applied() == {}


@pytest.mark.parametrize("kind", ["destroy", "import"])
def test_what_is_done_without_the_program_is_seen(stack, kind):
    stack.begin(a="1")
    stack.end()
    stack.by_hand(kind, delete=1)  # nobody had asked in between
    assert stack.applied() == {}
    stack.begin(a="1")
    stack.end()
    assert stack.applied() == {"a": "1"}
    stack.by_hand(kind, delete=1)
    stack.by_hand("refresh", same=1)
    assert stack.applied() == {}


def test_a_killed_run_leaves_nobody_until_the_next_whole_one(stack):
    """Its program passed the gate, and the history has no word of it; or the program never ran, but the state was written."""
    stack.begin(a="1")
    stack.end()
    assert stack.applied() == {"a": "1"}
    stack.begin(a="1")
    assert stack.applied() == {}
    stack.begin(a="1")
    stack.end()
    assert stack.applied() == {"a": "1"}
    stack.saved_at = stack.now + timedelta(minutes=3)  # a killed `destroy`
    assert stack.applied() == {}


def test_a_run_that_was_refused_changes_nothing(stack):
    stack.begin(a="1")
    stack.end()
    assert stack.applied() == {"a": "1"}
    stack.by_hand("update", same=1)
    stack.entries[0] = Entry("update", False, False, {}, stack.entries[0].start, stack.entries[0].end)
    assert stack.applied() == {"a": "1"}


def test_two_runs_with_nobody_asking_in_between(stack):
    """What the first had applied is not known when the second begins."""
    stack.begin(a="1", b="1")
    stack.end()
    stack.begin(a="2", b="1")
    stack.end(narrowed=True, update=1)
    assert stack.applied() == {}


def test_a_run_that_begins_while_somebody_asks_is_not_credited_with_the_one_before(stack, monkeypatch):
    stack.begin(a="1")
    stack.end()
    read = stack_history.read

    def slow(name):
        found = read(name)
        stack.begin(a="2")
        return found

    monkeypatch.setattr(stack_history, "read", slow)
    assert stack.applied() == {}
    monkeypatch.setattr(stack_history, "read", read)
    assert stack.applied() == {}


def test_tenantry_up_records_its_own_run_and_no_other(stack, monkeypatch):
    """Another may have begun before the first one's end was written."""
    monkeypatch.setenv(stack_runs.TOKEN, "mine")
    stack.begin(a="1")
    stack.end()
    monkeypatch.setenv(stack_runs.TOKEN, "")
    stack.entries.clear()
    applied.record(stack.name, "mine")
    assert stack.applied() == {"a": "1"}
    stack.begin(a="2")
    applied.record(stack.name, "mine")
    assert stack.applied() == {}


def declaration(slug, **fields):
    admin, plain = {"name": "A", "email": f"a@{slug}.example"}, {"tier": "starter", "branding": {"app_name": slug}}
    return TenantDeclaration.model_validate({"slug": slug, "name": slug.title(), "admin": admin, **plain, **fields})


def admitted(**declared):
    with Server.from_environment().connect() as connection:
        return admission.admit(Declarations(declared), Ledger.read(connection, "inquiry"))


def standing(declared):
    return applied.standing(admitted(**declared))


def test_where_several_stacks_wait_the_hint_is_one_command_for_all(in_cloud, monkeypatch):
    """In doubt, to be applied, or both: who does what one line says is not told of another stack after it."""
    stack = Stack(monkeypatch, "inquiry")
    stack.begin(a="1")  # of which nobody knows what came
    doubted, new = declaration("inquirya"), declaration("inquiry-new")
    with pytest.raises(WorkError, match=r"not known whether as declared.*: inquirya$") as alone:
        standing({"inquirya": doubted})
    assert alone.value.hint == "tenantry up --stack inquiry"
    with pytest.raises(WorkError, match=r"not known whether as declared.*: inquirya; to be applied: inquiry-new \(new\)$") as both:
        standing({"inquirya": doubted, "inquiry-new": new})
    assert both.value.hint == "tenantry up --all"
    stack.end()
    assert (
        standing({"inquirya": doubted, "inquiry-new": new})
        == "0 of 2 tenants are as declared; to be applied: inquiry-new (new), inquirya (release): tenantry provision --pending"
    )


def test_an_unfinished_run_is_gone_on_with_by_the_command_that_runs_who_else_waits(in_cloud, monkeypatch):
    dedicated = {"quince": declaration("quince", isolation="database", tier="enterprise")}
    monkeypatch.setattr(admission, "load", lambda: admitted(**dedicated))
    assert doctor._run_of("quince") == "tenantry up --stack quince"
    assert doctor._run_of("shared") == doctor._run_of("quince", "shared") == "tenantry up --all"


def test_what_waits_is_told_with_the_stack_that_does_it(in_cloud, monkeypatch):
    Stack(monkeypatch, "inquest").begin(a="1")
    tenants = [
        declaration("inquesta"),
        declaration("quince", isolation="database", tier="enterprise"),
        declaration("gone", state="deleted"),
    ]
    found = Waiting.among(admitted(**{tenant.slug: tenant for tenant in tenants}))
    assert found == Waiting({"inquesta": "inquest"}, {"quince": "quince"}, {"inquesta": ("unknown",), "quince": ("new",)})
