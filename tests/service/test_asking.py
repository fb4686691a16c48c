"""Asking for durable work: the journal and the queue have it both, or neither does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import pytest
from sqlalchemy import make_url

from tenantry import naming
from tenantry.actor import Actor
from tenantry.commands.runs import log
from tenantry.commands.watching import before, watch
from tenantry.control import runs, runs_at_work, workers
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations.runs import RunEntry
from tenantry.postgres.server import KEPT_ALIVE
from tenantry.work import follow, perform, queue
from tenantry.work.step import Kind, OtherFiles, Run, Step
from tests.service import control_database

pytestmark = pytest.mark.service


class Cut(Exception):
    """What goes wrong halfway."""


@pytest.fixture
def wanted(in_cloud):
    """A request for a tenant of its own; no trace of it stays."""
    control_database.make()
    asked = runs.Request("backup", "asking", tenant_id=naming.tenant_id("asking"), actor=Actor("test"))
    yield asked
    with transaction() as connection:
        connection.execute("DELETE FROM audit_log WHERE tenant_id = %s", [asked.tenant_id])
        ids = [row["id"] for row in connection.execute("DELETE FROM runs WHERE tenant_id = %s RETURNING id", [asked.tenant_id])]
    queue.client().delete_workflows([workflow.workflow_id for workflow in queued(*ids)])


def queued(*run_ids):
    """What DBOS has of the runs."""
    return [workflow for run_id in run_ids for workflow in queue.client().list_workflows(workflow_id_prefix=str(run_id))]


def audited(wanted):
    """The audit log's lines about the tenant."""
    with transaction() as connection:
        return connection.execute("SELECT * FROM audit_log WHERE tenant_id = %s ORDER BY id", [wanted.tenant_id]).fetchall()


def cut(*arguments):
    raise Cut


@contextmanager
def at_work():
    """Another worker lives, so that who watches does not become one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "alive", lambda: True)
        yield


def test_a_run_is_for_a_declaration(wanted):
    """Joined by whoever asks with the same one. Asked for with another, and then with the first again, each time a run follows."""
    first, other = replace(wanted, declared="a", commit="c1"), replace(wanted, declared="b", commit="c2")
    run_id = queue.request(first)
    runs_at_work.claim(run_id, "test")
    assert queue.request(replace(first, actor=Actor("bob"), commit="c3")) == run_id
    (joined,) = audited(wanted)
    assert (joined["actor"], joined["action"], joined["outcome"], joined["run_id"]) == ("bob", "backup", "joined", run_id)
    followed = queue.request(other)
    assert followed != run_id
    assert queue.request(other) == followed
    assert (runs.read(followed)["declared"], runs.read(followed)["commit"]) == ("b", "c2")
    back = queue.request(first)
    assert back not in (run_id, followed), "what comes last is what was asked for last"
    assert queue.request(first) == back
    assert len(queued(run_id, followed, back)) == 3


def test_those_who_ask_at_once_with_two_declarations_get_a_run_each_that_is_theirs(wanted):
    """Whatever the order: who is given a run is given one for his declaration, and the one that can be joined is the last."""
    asked = [replace(wanted, declared=letter) for letter in "abababab"]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(queue.request, asked))
    for one, run_id in zip(asked, given, strict=True):
        assert runs.read(run_id)["declared"] == one.declared
    with transaction() as connection:
        query = "SELECT declared FROM runs WHERE tenant_id = %s AND state = 'queued' AND NOT overtaken"
        (last,) = connection.execute(query, [wanted.tenant_id]).fetchall()
    assert queue.request(replace(wanted, declared=last["declared"])) in given


def test_a_run_of_the_last_release_is_followed_by_one_for_a_declaration(wanted):
    """Nobody knows which files it was asked for with. It goes on as it was, and the new one comes after it."""
    old = queue.request(wanted)
    assert runs.read(old)["declared"] is None
    new = queue.request(replace(wanted, declared="a"))
    assert new != old
    assert runs_at_work.claim(old, "test") is not None
    assert queue.request(replace(wanted, declared="a")) == new


def failed(run_id, *steps):
    """The run has done these steps, and failed at the last of them."""
    runs_at_work.claim(run_id, "test")
    for number, name in enumerate(steps, 1):
        runs_at_work.begin_step(run_id, "test", number, name)
        runs_at_work.end_step(run_id, "test", number, name, "failed" if number == len(steps) else "done", cause="it rained")
    runs_at_work.finish(run_id, "test", "failed", "it rained", "wait")
    return run_id


def test_a_failed_run_is_begun_again_for_another_declaration(wanted):
    """The same run, for what is asked for now: what the difference touches is done again, and nothing else. So it is for one of the last
    release, of which nobody knows what it was for."""
    first, second = replace(wanted, declared="a", commit="c1"), replace(wanted, declared="b", commit="c2", actor=Actor("bob"))
    run_id = failed(queue.request(wanted), "record", "engine", "mail")
    for asked, outcome, left in (
        (first, "renewed", ["mail"]),
        (first, "resumed", ["record", "engine", "mail"]),
        (second, "renewed", ["mail"]),
    ):
        assert queue.pursue(asked, ("record", "engine")) == run_id
        now = runs.read(run_id)
        assert (now["state"], now["declared"], now["commit"]) == ("queued", asked.declared, asked.commit)
        assert [step["name"] for step in now["steps"]] == left
        assert (now["askers"][-1]["actor"], now["askers"][-1]["outcome"]) == (asked.actor.name, outcome)
        assert now["requested_by"] == "test", "who asked first is still said"
        failed(run_id, "record", "engine", "mail")
    assert len(queued(run_id)) == 4


@pytest.fixture
def stray(wanted, monkeypatch):
    """A kind of work whose files this worker has not, until ``stray.clear()``; without DBOS around it."""
    files = Event()

    def look(run):
        if not files.is_set():
            raise OtherFiles("gave back at commit abc", "git pull")
        return "looked"

    kind = Kind(wanted.kind, lambda run: (Step("record", look), Step("mail", lambda run: "sent")))
    monkeypatch.setattr(perform, "kinds", lambda: {wanted.kind: kind})
    monkeypatch.setattr(perform, "_do", perform._attempts)
    return files


def test_a_worker_with_other_files_gives_the_run_back(wanted, stray, monkeypatch):
    """To the queue, with a delay that grows: one worker alone has its rest, another one takes the run on. It says at which commit it is,
    and when none has had the files for ten minutes the run fails with that cause."""
    run_id = queue.request(replace(wanted, declared="a"))
    perform.perform(run_id, "first")
    now = runs.read(run_id)
    assert (now["state"], now["worker"], now["progress"]) == ("queued", None, "gave back at commit abc")
    assert [(step["state"], step["cause"]) for step in now["steps"]] == [("waiting", "gave back at commit abc")]
    assert [(each.workflow_id, each.status) for each in queued(run_id)][-1] == (f"{run_id}:1", "DELAYED")
    assert queue.request(replace(wanted, declared="a")) == run_id, "it is joined meanwhile, and is not in the queue twice"
    assert len(queued(run_id)) == 2
    earlier = {name: value for name, value in now.items() if name not in ("declared", "commit", "returned_since")}
    assert Run.of(earlier, "newer").declared is None, "a worker goes on where the control database is of the last release still"
    stray.set()
    perform.perform(run_id, "second")
    now = runs.read(run_id)
    assert (now["state"], now["returned_since"]) == ("done", None)
    assert [(step["name"], step["attempts"]) for step in now["steps"]] == [("record", 2), ("mail", 1)]


def test_a_run_whose_files_nobody_has_fails_after_ten_minutes(wanted, stray):
    """With the cause, what to do, and a worker that has them goes on with it."""
    run_id = queue.request(replace(wanted, declared="a"))
    perform.perform(run_id, "first")
    with transaction() as connection:
        connection.execute("UPDATE runs SET returned_since = now() - interval '9 minutes' WHERE id = %s", [run_id])
    perform.perform(run_id, "first")
    assert runs.read(run_id)["state"] == "queued"
    (last,) = [each for each in queued(run_id) if each.workflow_id == f"{run_id}:2"]
    assert last.status == "DELAYED"
    with transaction() as connection:
        connection.execute("UPDATE runs SET returned_since = now() - interval '11 minutes' WHERE id = %s", [run_id])
    perform.perform(run_id, "first")
    now = runs.read(run_id)
    assert (now["state"], now["hint"]) == ("failed", "git pull")
    assert now["error"] == "no worker has the files of this run: gave back at commit abc"
    stray.set()
    queue.resume(run_id, actor=Actor("test"))
    perform.perform(run_id, "first")
    assert runs.read(run_id)["state"] == "done"


def test_who_does_his_own_run_and_has_not_the_files_hears_it_at_once(wanted, stray, monkeypatch):
    """With nobody else at work, to look for ten minutes would be to wait for nobody."""
    for others, state in ((True, "queued"), (False, "failed")):
        monkeypatch.setattr(workers, "alive", lambda but, others=others: others)
        run_id = queue.request(replace(wanted, declared="a"))
        perform.perform(run_id, "own", asked_here=[run_id])
        assert runs.read(run_id)["state"] == state


def test_who_watches_does_what_no_worker_has_the_files_for(wanted, monkeypatch):
    """They are here: it was asked for with them."""
    begun = []

    class Mine:
        def __init__(self, say, asked):
            self.asked = asked

        def start(self):
            begun.append(self.asked)
            runs_at_work.claim(run_id, "mine")
            runs_at_work.finish(run_id, "mine", "done")

        wait = leave = stop = lambda self, *_: None
        in_hand, older = 0, None

    run_id = queue.request(replace(wanted, declared="a"))
    runs_at_work.claim(run_id, "other")
    queue.give_back(run_id, "other", "gave back at commit abc")
    monkeypatch.setattr(follow, "Worker", Mine)
    monkeypatch.setattr(follow, "SEARCH", 0.2)
    with at_work():
        (done,) = follow.until_done([run_id], lambda run, step: None)
    assert (done["state"], begun) == ("done", [[run_id]])


def test_a_run_takes_as_long_as_its_asker_waited(wanted, capsys):
    """Who joined, and when, is in the log; whoever watches hears of those who join later, and counts from when he asked."""
    run_id = queue.request(replace(wanted, actor=Actor("ann")))
    with transaction() as connection:
        connection.execute("UPDATE runs SET requested_at = now() - interval '490 seconds' WHERE id = %s", [run_id])
    failed(run_id, "record")
    queue.resume(run_id, actor=Actor("bob"))
    capsys.readouterr()

    def looked(seconds):
        queue.request(replace(wanted, actor=Actor("eve")))
        runs_at_work.claim(run_id, "test")
        runs_at_work.finish(run_id, "test", "done")

    with at_work(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow.EnsuredWorker, "wait", lambda self, seconds: looked(seconds))
        watch([run_id])
    first, joined, last = capsys.readouterr().err.splitlines()
    assert first.startswith("asking: resumes the run that ann asked for at ")
    assert joined.startswith("asking: joined by eve, 20")
    assert float(last.removeprefix("asking: backup done in ").split(" ")[0]) < 60
    log(str(run_id))
    told = capsys.readouterr().out
    assert "asked for by ann (cli)" in told
    assert "    resumed by bob, 20" in told
    assert "    joined by eve, 20" in told


def test_the_queue_has_what_was_asked_for_once(wanted):
    """As DBOS sees it: waiting, for a worker of this version, behind others of the same tenant, with the run's id as its argument."""
    run_id = queue.request(wanted)
    assert queue.request(wanted) == run_id, "the run that is under way is joined"
    queue.resume(run_id, actor=Actor("test"))
    (workflow,) = queued(run_id)
    assert (workflow.status, workflow.name, workflow.queue_name) == ("ENQUEUED", queue.WORKFLOW, queue.QUEUE)
    assert (workflow.app_version, workflow.queue_partition_key) == (queue.VERSION, str(wanted.tenant_id))
    assert workflow.input is not None
    assert list(workflow.input["args"]) == [str(run_id)]


def test_neither_has_what_failed_halfway(wanted, monkeypatch):
    """A request that fails leaves no row; a run that could not be resumed is a failed one still."""
    with monkeypatch.context() as patch:
        patch.setattr(queue, "put", cut)
        with pytest.raises(Cut):
            queue.request(wanted)
    assert runs.last(wanted.tenant_id, wanted.kind) is None
    run_id = queue.request(wanted)
    runs_at_work.claim(run_id, "test")
    runs_at_work.finish(run_id, "test", "failed", "it rained", "wait")
    with monkeypatch.context() as patch:
        patch.setattr(queue, "put", cut)
        with pytest.raises(Cut):
            queue.resume(run_id, actor=Actor("test"))
    assert runs.read(run_id)["state"] == "failed"
    assert len(queued(run_id)) == 1
    queue.resume(run_id, actor=Actor("test"))
    assert [workflow.workflow_id for workflow in queued(run_id)] == [f"{run_id}:0", f"{run_id}:1"]
    runs_at_work.claim(run_id, "test")
    runs_at_work.finish(run_id, "test", "done")
    with pytest.raises(InputError, match="has not failed"):
        queue.resume(run_id, actor=Actor("test"))


def test_who_joins_a_run_that_has_ended_since_is_given_it(wanted):
    """Two ask at once after a failure, and the first's run is done before the second's turn: both have the run, and it is done once."""
    run_id = queue.request(wanted)
    runs_at_work.claim(run_id, "test")
    runs_at_work.finish(run_id, "test", "failed", "it rained", "wait")
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda one: queue.join(one, actor=Actor("test")), [run_id] * 8)) == {run_id}
    assert (runs.read(run_id)["state"], runs.read(run_id)["resumed"]) == ("queued", 1)
    runs_at_work.claim(run_id, "test")
    runs_at_work.finish(run_id, "test", "done")
    assert queue.join(run_id, actor=Actor("test")) == run_id
    assert (runs.read(run_id)["state"], len(queued(run_id))) == ("done", 2)


def test_a_failed_run_is_not_resumed_beside_a_newer_one(wanted):
    """The same work is under way in a run of its own: that one is named, and the failed one stays as it is."""
    old = queue.request(wanted)
    runs_at_work.claim(old, "test")
    runs_at_work.finish(old, "test", "failed", "it rained", "wait")
    new = queue.request(wanted)
    with pytest.raises(InputError, match=f"a newer backup of asking is under way: run {new}"):
        queue.resume(old, actor=Actor("test"))
    assert (runs.read(old)["state"], runs.read(old)["error"]) == ("failed", "it rained")


def test_the_log_of_a_tenant_that_never_came_to_be_tells_why(wanted, in_cloud):
    """The first step failed, so the registry does not know the tenant; the journal does."""
    refused = in_cloud.tenantry("log", "asking")
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, "error: no tenant asking")
    run_id = queue.request(wanted)
    runs_at_work.claim(run_id, "test")
    runs_at_work.finish(run_id, "test", "failed", "the host name www.asking.example is the tenant beech's", "choose another")
    said = in_cloud.tenantry("log", "asking")
    assert said.returncode == 0, said.stderr
    assert "failed: the host name www.asking.example is the tenant beech's" in said.stdout


def test_a_run_that_has_ended_is_not_begun_again(wanted):
    """Its worker went away before the queue heard of the end; the queue gives the run to another, who leaves it as it is."""
    run_id = queue.request(wanted)
    runs_at_work.claim(run_id, "first")
    runs_at_work.finish(run_id, "first", "done")
    ended = runs.read(run_id)
    perform.perform(run_id, "second")
    assert runs.read(run_id) == ended
    with transaction() as connection:
        lines = connection.execute("SELECT count(*) AS n FROM audit_log WHERE run_id = %s", [run_id]).fetchone()
    assert lines == {"n": 1}


def test_a_worker_that_was_thought_dead_writes_nothing_more(wanted):
    """Another has its run: a note, how far it is, a step's beginning and end are all refused, and the run's end is not taken."""
    run_id = queue.request(wanted)
    first = Run.of(runs_at_work.claim(run_id, "first"), "first")
    first.note("place", "here")
    runs_at_work.claim(run_id, "second")
    before = runs.read(run_id)
    for write in (
        lambda: first.note("place", "there"),
        lambda: first.tell("half of it"),
        lambda: runs_at_work.begin_step(run_id, "first", 1, "step"),
        lambda: runs_at_work.end_step(run_id, "first", 1, "step", "done"),
    ):
        with pytest.raises(runs_at_work.NotOurs):
            write()
    runs_at_work.finish(run_id, "first", "done")
    assert runs.read(run_id) == before


def test_every_connection_notices_a_server_that_vanished(wanted):
    """Those of Tenantry and those of the queue alike: the kernel asks, and gives up."""
    with transaction() as connection:
        asked = connection.info.get_parameters()
    theirs = make_url(queue.system_url()).query
    for name, value in KEPT_ALIVE.items():
        assert (asked[name], theirs[name]) == (str(value), str(value))


def test_the_first_who_asks_makes_the_queue(wanted):
    """The tables of the queue are not there before."""
    with transaction() as connection:
        connection.execute("DROP SCHEMA IF EXISTS dbos CASCADE")
    queue.client.cache_clear()
    (workflow,) = queued(queue.request(wanted))
    assert workflow.status == "ENQUEUED"


def test_what_was_done_before_is_not_shown_as_new(wanted, capsys):
    """Asked again for what is done, one is told so in a line, without its steps; of a run that goes on, which of them it has behind it."""
    run_id = queue.request(wanted)
    runs_at_work.claim(run_id, "test")
    for number, name in ((1, "save"), (2, "check")):
        runs_at_work.begin_step(run_id, "test", number, name)
        runs_at_work.end_step(run_id, "test", number, name, "done" if number == 1 else "failed", summary="20 rows")
    runs_at_work.finish(run_id, "test", "failed", "it rained", "wait")
    queue.resume(run_id, actor=Actor("test"))
    shown, met = [], []

    def meet(run):
        met.append(before(RunEntry.of(run)))
        runs_at_work.claim(run_id, "test")
        runs_at_work.begin_step(run_id, "test", 2, "check")
        runs_at_work.end_step(run_id, "test", 2, "check", "done")
        runs_at_work.finish(run_id, "test", "done")

    with at_work():
        follow.until_done([run_id], lambda run, step: shown.append((step["number"], step["state"])), meet=meet)
    (taken_up,) = met
    assert taken_up.startswith("asking: resumes the run that test asked for at 20")
    assert taken_up.endswith(f"; done so far: 1 save (run {run_id})")
    assert shown[-1] == (2, "done")
    assert 1 not in [number for number, _ in shown]
    with at_work():
        watch([run_id])
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("asking: nothing to do: backup was done at 20")
    assert told[0].endswith(f"(run {run_id})")
