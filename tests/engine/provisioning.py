"""What the tests of provisioning look at: the journal, the mail that arrived, and what stands in the world for a tenant."""

from __future__ import annotations

from collections import Counter
from typing import Any

from psycopg.rows import dict_row

from local.cloud import mail
from tenantry import naming

STEPS = (
    "record",
    "database",
    "configuration",
    "domain and certificate",
    "branding",
    "first administrator",
    "welcome mail",
    "log",
)


def control(sandbox: Any) -> Any:
    connection = sandbox.sql(naming.CONTROL_DATABASE)
    connection.row_factory = dict_row
    connection.execute("SET search_path TO control")
    return connection


def runs_of(sandbox: Any, slug: str) -> list[dict[str, Any]]:
    """The tenant's runs, oldest first, each with its steps."""
    with control(sandbox) as journal:
        found = journal.execute("SELECT * FROM runs WHERE subject = %s ORDER BY requested_at", [slug]).fetchall()
        for run in found:
            run["steps"] = journal.execute("SELECT * FROM run_steps WHERE run_id = %s ORDER BY number", [run["id"]]).fetchall()
        return found


def mails_to(sandbox: Any, address: str) -> list[mail.Mail]:
    return [each for each in mail.received(sandbox.cloud.home.mail) if address in each.recipients]


def check_provisioned_once(sandbox: Any, slug: str, *, asked_again: bool = False) -> None:
    """One run, done in eight steps; one tenant, one invitation, one welcome mail; every mail of the sequence queued once.

    ``asked_again``: after its run was done, and a later run of its stack was killed: then it is looked at in a run of its own.
    """
    runs = runs_of(sandbox, slug)
    assert {run["state"] for run in runs} == {"done"}, runs
    assert len(runs) == 1 or asked_again
    assert [step["name"] for step in runs[0]["steps"]] == list(STEPS)
    assert {step["state"] for step in runs[0]["steps"]} <= {"done", "skipped"}
    check_welcomed_once(sandbox, slug)


def check_welcomed_once(sandbox: Any, slug: str) -> None:
    """One active tenant, one invitation with a link, one welcome mail; every mail of the sequence queued once."""
    with control(sandbox) as registry:
        tenant = registry.execute("SELECT id, state FROM tenants WHERE slug = %s", [slug]).fetchall()
        assert [row["state"] for row in tenant] == ["active"]
        invitations = registry.execute("SELECT token_hash FROM invitations WHERE tenant_id = %s", [tenant[0]["id"]]).fetchall()
        assert len(invitations) == 1
        assert invitations[0]["token_hash"] is not None
        kinds = Counter(row["kind"] for row in registry.execute("SELECT kind FROM outbox WHERE tenant_id = %s", [tenant[0]["id"]]))
        assert kinds == {"invitation": 1, "welcome_day_2": 1, "welcome_day_7": 1}
    assert len(mails_to(sandbox, f"ada@{slug}.example")) == 1


def slow_down(sandbox: Any, number: int, state: str, seconds: float) -> None:
    """From now on the journal takes its time over a step's change to ``state``: a kill meanwhile is a kill exactly there."""
    with control(sandbox) as journal:
        journal.execute(f"""
            CREATE OR REPLACE FUNCTION public.linger() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.number = {number:d} AND NEW.state IN ('{state}', '{"skipped" if state == "done" else state}') THEN
                    INSERT INTO public.lingering DEFAULT VALUES;
                    PERFORM pg_sleep({seconds:f});
                END IF;
                RETURN NEW;
            END $$;
            CREATE UNLOGGED TABLE IF NOT EXISTS public.lingering (at timestamptz DEFAULT clock_timestamp());
            GRANT ALL ON public.lingering TO PUBLIC;
            CREATE OR REPLACE TRIGGER linger BEFORE INSERT OR UPDATE ON run_steps FOR EACH ROW EXECUTE FUNCTION public.linger();
        """)


def is_lingering(sandbox: Any) -> bool:
    """Whether some backend sleeps in the journal right now."""
    with sandbox.sql() as admin:
        row = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = 'tenantry'").fetchone()
        return bool(row[0])


def full_speed(sandbox: Any) -> None:
    with control(sandbox) as journal:
        journal.execute("DROP TRIGGER IF EXISTS linger ON run_steps")


def watch_steps(sandbox: Any) -> None:
    """From now on every beginning and end of a step is written down with the worker that it belongs to."""
    with control(sandbox) as journal:
        journal.execute("""
            CREATE TABLE IF NOT EXISTS public.step_watch
                (id bigserial, run_id uuid, number int, state text, worker text, at timestamptz DEFAULT clock_timestamp());
            GRANT ALL ON public.step_watch, public.step_watch_id_seq TO PUBLIC;
            CREATE OR REPLACE FUNCTION public.watch_step() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO public.step_watch (run_id, number, state, worker)
                    SELECT NEW.run_id, NEW.number, NEW.state, worker FROM control.runs WHERE id = NEW.run_id;
                RETURN NULL;
            END $$;
            CREATE OR REPLACE TRIGGER watch AFTER INSERT OR UPDATE ON run_steps FOR EACH ROW EXECUTE FUNCTION public.watch_step();
        """)


def steps_at_work_twice(sandbox: Any, killed: set[str]) -> list[tuple[Any, ...]]:
    """Steps that began again while they were at work with a worker that was alive, from what ``watch_steps`` wrote down."""
    with sandbox.sql(naming.CONTROL_DATABASE) as journal:
        rows = journal.execute("SELECT run_id, number, state, worker, at FROM step_watch ORDER BY id").fetchall()
    at_work: dict[tuple[Any, int], str] = {}
    twice = []
    for run_id, number, state, worker, at in rows:
        key = (run_id, number)
        if state == "running":
            if key in at_work and at_work[key] not in killed:
                twice.append((run_id, number, at_work[key], worker, at))
            at_work[key] = worker
        else:
            at_work.pop(key, None)
    return twice
