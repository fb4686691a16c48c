"""Changes of a tenant's state, asked for while others are under way or have failed: the last that was asked for is what holds."""

from __future__ import annotations

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.commands.watching import watch
from tenantry.control import lifecycle, outbox, runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.errors import InputError, WorkError
from tenantry.operations.lifecycle import change, deletion, expiry
from tenantry.postgres.server import Server
from tenantry.stores import access
from tenantry.work import queue
from tenantry.work.step import Run
from tests import checkout
from tests.service import control_database

pytestmark = pytest.mark.service

SLUG = "swing-door"
TENANT = naming.tenant_id(SLUG)
ROLE = naming.tenant_app(SLUG)


class Cut(Exception):
    """What goes wrong halfway."""


@pytest.fixture
def tenant(in_cloud, tmp_path, monkeypatch):
    """The path of the file of an active tenant with a role of its own and an administrator who was invited; no trace of it stays."""
    control_database.make()
    monkeypatch.setenv("TENANTRY_TENANTS", str(tmp_path))
    checkout.declared(tmp_path)
    file = tmp_path / f"{SLUG}.yaml"
    file.write_text("name: X\ntier: starter\nstate: active\nadmin: {name: A, email: a@x.example}\n")
    with Server.from_environment().connect() as admin:
        admin.execute(f"CREATE ROLE {ROLE} LOGIN")
    with transaction() as connection:
        connection.execute(
            "INSERT INTO tenants (id, slug, name, tier, isolation, cell, stack, state, host, database, schema, app_role, bucket, prefix)"
            " VALUES (%s, %s, 'T', 'starter', 'schema', 'main', 'shared', 'active', %s, 'cell_main', 's', %s, 'b', 'p')",
            [TENANT, SLUG, f"{SLUG}.tenantry.example", ROLE],
        )
        connection.execute(
            "INSERT INTO invitations (tenant_id, email, name, role, token_hash) VALUES (%s, 'a@x.example', 'A', 'admin', 'hash')", [TENANT]
        )
    yield file
    with transaction() as connection:
        queued = [f"{run['id']}:{n}" for run in runs.latest(tenant_id=TENANT, limit=99) for n in range(run["resumed"] + 1)]
        for table in ("audit_log", "outbox", "invitations", "runs"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [TENANT])
        connection.execute("DELETE FROM tenants WHERE id = %s", [TENANT])
    with Server.from_environment().connect() as admin:
        admin.execute(f"DROP ROLE {ROLE}")
    queue.client().delete_workflows(queued)


def ask(command, **more):
    return change.request(command, SLUG, actor=Actor("test"), **more)


def ended(run_id, state="failed"):
    """The run as its worker leaves it."""
    runs_at_work.claim(run_id, "test")
    runs_at_work.finish(run_id, "test", state, "it rained" if state == "failed" else None)


def work(kind, run_id, *names):
    """Does these steps of a run that is at work; what they say."""
    run = Run.of(runs_at_work.claim(run_id, "test"), "test")
    return [step.work(run) for step in kind.steps(run) if step.name in names]


def state_of(run_id):
    return runs.read(run_id)["state"]


def registered():
    with transaction() as connection:
        return connection.execute("SELECT state FROM tenants WHERE id = %s", [TENANT]).fetchone()["state"]


def may_log_in():
    with Server.from_environment().connect() as admin:
        return admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()[0]


def off_boarded(**more):
    """Off-boarded, and the days of the hold have gone by."""
    ended(ask("offboard", **more), "done")
    with transaction() as connection:
        connection.execute("UPDATE holds SET until = now() WHERE tenant = %s", [TENANT])


def deletion_at_work():
    """A deletion whose checks are done; what its steps need to know is noted."""
    run_id = deletion.request(SLUG, "deleted", actor=Actor("test"))
    run = Run.of(runs_at_work.claim(run_id, "test"), "test")
    run.note("existed", {"hosts": []})
    return run_id


def test_undelete_stops_a_deletion_that_is_at_work(tenant, monkeypatch):
    """The hold ends when it is asked for, not when the queue comes to it: the deletion takes no log-in and releases nothing."""
    off_boarded()
    doomed = deletion_at_work()
    back = ask("undelete")
    assert lifecycle.hold_of(TENANT) is None
    assert (runs.read(back)["arguments"]["to"], "state: active" in tenant.read_text()) == ("active", True)
    monkeypatch.setattr(deletion.final_backup, "renew", lambda run, store: None)
    monkeypatch.setattr(access, "shut", lambda store: pytest.fail("shut out"))
    for step in ("credentials", "release"):
        with pytest.raises(InputError, match="is not off-boarded"):
            work(deletion.DELETE, doomed, step)
    with transaction() as connection:
        open_ = connection.execute("SELECT count(*) AS n FROM invitations WHERE tenant_id = %s AND revoked_at IS NULL", [TENANT]).fetchone()
    assert open_ == {"n": 1}
    ended(doomed)
    work(change.UNDELETE, back, "hold", "declaration", "access")
    assert (registered(), may_log_in(), state_of(doomed)) == ("active", True, "cancelled")


def test_undelete_is_refused_once_the_deletion_is_released(tenant):
    """And `offboard` is, too: neither touches file, registry or queue."""
    off_boarded()
    with transaction() as connection:
        connection.execute("UPDATE holds SET deleting_since = now() WHERE tenant = %s", [TENANT])
    for command in ("undelete", "offboard"):
        with pytest.raises(InputError, match="cannot be taken back"):
            ask(command)
    assert "state: offboarding" in tenant.read_text()
    assert [run["kind"] for run in runs.latest(tenant_id=TENANT)] == ["offboard"]


@pytest.fixture
def open_restore(tenant):
    """Opens and closes a restore that came only half-way."""

    def set_open(is_open):
        with transaction() as connection:
            connection.execute("DELETE FROM restores WHERE tenant_id = %s", [TENANT])
            if is_open:
                connection.execute("INSERT INTO restores (tenant_id, id, backup_id, state) VALUES (%s, 'r', 'b', 'running')", [TENANT])

    yield set_open
    set_open(False)


def test_nobody_leaves_with_a_restore_open(tenant, open_restore, monkeypatch):
    """Not when it is asked for, nor at the last moment: what began since is found in the transaction after which there is no way back."""
    monkeypatch.setattr(deletion.final_backup, "renew", lambda run, store: None)
    half_made = f"an earlier restore of {SLUG} is not finished"
    open_restore(True)
    with pytest.raises(InputError, match=half_made):
        ask("offboard")
    assert (registered(), lifecycle.hold_of(TENANT), "state: active" in tenant.read_text()) == ("active", None, True)
    open_restore(False)
    off_boarded()
    doomed = deletion_at_work()
    open_restore(True)
    with pytest.raises(InputError, match=half_made):
        work(deletion.DELETE, doomed, "release")
    assert lifecycle.hold_of(TENANT).deleting_since is None


def test_nobody_is_let_in_where_a_restore_has_shut_the_doors(tenant, open_restore):
    """A restore that failed can still be resumed: until it is over nobody writes what it would replace. To shut out is always right."""
    ended(ask("suspend"), "done")
    open_restore(True)
    with pytest.raises(InputError, match=f"an earlier restore of {SLUG} is not finished"):
        ask("reactivate")
    assert (registered(), "state: suspended" in tenant.read_text()) == ("suspended", True)
    ask("suspend")


def test_a_failed_deletion_does_not_outlive_its_hold(tenant):
    """Brought back, the tenant is not deleted by what failed before: not resumed, not asked for again, nor off-boarded again."""
    off_boarded()
    failed = deletion_at_work()
    ended(failed)
    ended(ask("undelete"), "done")
    with pytest.raises(InputError, match="was cancelled: undelete was asked for"):
        queue.resume(failed, actor=Actor("test"))
    with pytest.raises(InputError, match="is not off-boarded"):
        deletion.request(SLUG, "deleted", actor=Actor("test"))
    off_boarded()
    assert deletion.request(SLUG, "archived", actor=Actor("test")) != failed


def test_a_failed_deletion_is_gone_on_with_only_while_the_tenant_is_held(tenant):
    """Whatever run is left: without a hold and `offboarding` nothing is resumed, and the next off-boarding ends it."""
    off_boarded()
    failed = deletion_at_work()
    ended(failed)
    with transaction() as connection:
        lifecycle.end_hold(connection, TENANT)
    with pytest.raises(InputError, match="is not off-boarded"):
        deletion.request(SLUG, "deleted", actor=Actor("test"))
    ask("offboard")
    assert state_of(failed) == "cancelled"


def test_an_outdated_run_opens_nothing(tenant):
    """A failed `reactivate` cannot be resumed once the tenant is suspended, and one that is at work lets nobody in any more."""
    ended(ask("suspend"), "done")
    outdated = ask("reactivate")
    ended(outdated)
    suspended = ask("suspend")
    with pytest.raises(InputError, match="was cancelled: suspend was asked for"):
        queue.resume(outdated, actor=Actor("test"))
    ended(suspended, "done")
    at_work = ask("reactivate")
    work(change.REACTIVATE, at_work, "declaration")
    ask("suspend")
    assert work(change.REACTIVATE, at_work, "declaration", "access") == ["", ""]
    assert (registered(), may_log_in(), "state: suspended" in tenant.read_text()) == ("suspended", False, True)


def test_a_run_that_waits_gives_way_to_the_next(tenant):
    """No worker begins what was taken back before its turn came."""
    ended(ask("suspend"), "done")
    waiting = ask("reactivate")
    ask("suspend")
    assert runs_at_work.claim(waiting, "test") is None
    with transaction() as connection:
        lines = connection.execute("SELECT action, outcome FROM audit_log WHERE run_id = %s", [waiting]).fetchall()
    assert lines == [{"action": "reactivate", "outcome": "cancelled"}]


def test_the_same_command_goes_on_with_the_run_that_failed(tenant, monkeypatch):
    """So the administrators of a tenant that was suspended in two attempts get their one mail, and those of an active one none."""
    monkeypatch.setattr("tenantry.operations.mailing.deliver", lambda ids: type("Sent", (), {"sent": len(ids)}))
    failed = ask("suspend")
    ended(failed)
    assert ask("suspend") == failed
    assert runs.read(failed)["resumed"] == 1
    assert work(change.SUSPEND, failed, "mail") == ["1 sent"]
    with transaction() as connection:
        assert [row["kind"] for row in outbox.entries(connection, slug=SLUG)] == ["suspended"]
        lifecycle.set_state(connection, TENANT, "active")
    assert work(change.SUSPEND, failed, "mail") == [""]


def test_what_was_is_known_wherever_off_boarding_is_cut(tenant, monkeypatch):
    """Registry, hold and run come together or not at all; the role is shut after, by the run if nobody else did. `undelete` leads back."""
    with monkeypatch.context() as patch:
        patch.setattr(queue, "put", lambda *arguments: (_ for _ in ()).throw(Cut))
        with pytest.raises(Cut):
            ask("offboard")
    assert (registered(), lifecycle.hold_of(TENANT), may_log_in()) == ("active", None, True)
    with monkeypatch.context() as patch:
        patch.setattr(access, "shut", lambda store: (_ for _ in ()).throw(Cut))
        with pytest.raises(Cut):
            ask("offboard")
    assert (registered(), may_log_in()) == ("offboarding", True)
    run_id = ask("offboard", wish="delete")
    assert (runs.read(run_id)["arguments"]["before"], lifecycle.hold_of(TENANT).previous_state) == ("active", "active")
    work(change.OFFBOARD, run_id, "access", "hold")
    assert not may_log_in()
    ended(run_id)
    assert runs.read(ask("undelete"))["arguments"]["to"] == "active"


def test_brought_back_and_off_boarded_at_once_it_still_leads_to_active(tenant):
    """The registry has not heard of the way back yet; the hold that begins anew knows of it."""
    off_boarded()
    undone = ask("undelete")
    ask("offboard")
    assert lifecycle.hold_of(TENANT).previous_state == "active"
    assert state_of(undone) == "cancelled"


def test_a_hold_becomes_longer_but_never_shorter(tenant):
    """`--hold-days` counts from the hold's beginning, whether its run is under way or over; who speaks last says what follows."""
    run_id = ask("offboard", wish="delete")
    hold = lifecycle.hold_of(TENANT)
    assert ((hold.until - hold.since).days, hold.wish) == (30, "delete")
    assert ask("offboard", days=90, wish="archive") == run_id
    longer = lifecycle.hold_of(TENANT)
    assert ((longer.until - longer.since).days, longer.since, longer.wish) == (90, hold.since, "archive")
    ended(run_id)
    ask("offboard", days=40)
    ask("offboard")
    assert lifecycle.hold_of(TENANT) == longer
    with pytest.raises(InputError, match="shorter than the platform's 30"):
        ask("offboard", days=29)


def test_a_hold_that_an_edit_has_outlived_is_not_the_next_ones(tenant):
    """Made active by its file alone, and off-boarded again, the tenant is held for all its days again."""
    off_boarded(wish="delete")
    with transaction() as connection:
        lifecycle.set_state(connection, TENANT, "active")
    ask("offboard")
    hold = lifecycle.hold_of(TENANT)
    assert (hold.over, hold.wish, hold.previous_state) == (False, None, "active")


def test_undelete_elsewhere_does_not_join_the_run_under_way(tenant):
    """What it leads to is what the run does, or the command is refused."""
    off_boarded()
    back = ask("undelete")
    assert ask("undelete") == back
    with pytest.raises(InputError, match="is being made active") as caught:
        ask("undelete", to="suspended")
    assert caught.value.hint == f"let it end, then: tenantry suspend {SLUG}"
    assert "state: active" in tenant.read_text()
    ended(back)
    assert ask("undelete") == back
    ended(back)
    assert ask("undelete", to="suspended") != back
    assert state_of(back) == "cancelled"


def test_a_deletion_that_failed_after_its_release_is_gone_on_with(tenant):
    """By the scheduled task where it was wished for, and else it is said that it waits; one at work is left alone."""
    off_boarded(wish="delete")
    run_id = deletion_at_work()
    with transaction() as connection:
        connection.execute("UPDATE holds SET deleting_since = now() WHERE tenant = %s", [TENANT])
        connection.execute("UPDATE tenants SET state = 'deleted', deleted_at = now() WHERE id = %s", [TENANT])
    assert SLUG not in {**(done := expiry.hold_expiry()).requested, **done.waiting}
    ended(run_id)
    assert expiry.hold_expiry().requested == {SLUG: str(run_id)}
    ended(run_id)
    with transaction() as connection:
        connection.execute("UPDATE holds SET wish = NULL WHERE tenant = %s", [TENANT])
    assert expiry.hold_expiry().waiting == {SLUG: f"its deletion failed: tenantry resume {run_id}"}


def test_a_cancelled_run_is_work_that_was_not_done(tenant, in_cloud):
    """Whoever waits for it or resumes it hears why, and its log says so."""
    failed = ask("suspend")
    ended(failed)
    ended(ask("reactivate"), "done")
    resumed = in_cloud.tenantry("resume", str(failed), TENANTRY_TENANTS=str(tenant.parent))
    assert (resumed.returncode, "was cancelled: reactivate was asked for" in resumed.stderr) == (2, True)
    with pytest.raises(WorkError, match=f"suspend {SLUG} was cancelled: reactivate was asked for"):
        watch([failed], detach=True)
    assert "cancelled: reactivate was asked for" in in_cloud.tenantry("log", str(failed)).stdout


def test_the_local_cloud_alone_lets_a_hold_be_over(tenant, in_cloud):
    """To try a deletion within a minute. Another server's hold is out of its reach: the environment is not asked where that is."""
    refused = in_cloud.tenantry("local", "end-hold", SLUG)
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, f"error: tenant {SLUG} is not off-boarded")
    with lifecycle.locked(TENANT) as connection:
        lifecycle.begin_hold(connection, TENANT, "active", None, Actor("test"), least=30)
    with pytest.raises(InputError, match="is held until"):
        lifecycle.refuse_held(lifecycle.hold_of(TENANT), SLUG)
    try:
        done = in_cloud.tenantry("local", "end-hold", SLUG, PGHOST="db.production.example", PGPORT="1")
        assert (done.returncode, done.stdout) == (0, f"the hold of {SLUG} is over: tenantry offboard {SLUG} --delete, or --archive\n")
        lifecycle.refuse_held(lifecycle.hold_of(TENANT), SLUG)
        lifecycle.set_legal_hold(TENANT, "court order", Actor("test"))
        assert in_cloud.tenantry("local", "end-hold", SLUG).returncode == 0
        with pytest.raises(InputError, match="under a legal hold"):
            lifecycle.refuse_held(lifecycle.hold_of(TENANT), SLUG)
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM legal_holds WHERE tenant = %s", [TENANT])
            lifecycle.end_hold(connection, TENANT)
