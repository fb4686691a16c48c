"""`tenantry provision|resume|log|worker`: durable work, asked for, watched and done."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console, waiting
from tenantry.actor import Actor
from tenantry.commands import completion
from tenantry.commands.options import Detach, Json, Slugs
from tenantry.commands.watching import asked_again, line, tenant_line, watch
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.operations.runs import LoggedRun


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for function in (provision, resume, log, worker):
        app.command()(function)


def provision(
    slugs: Slugs = None,
    pending: Annotated[
        bool,
        typer.Option(
            "--pending", help="Everything that is not as declared: tenants in every state, and what settings, code or migrations changed."
        ),
    ] = False,
    changed_since: Annotated[
        str | None,
        typer.Option("--changed-since", metavar="REF", help="The same, narrowed to the stacks whose tenants differ from that commit's."),
    ] = None,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Make a tenant, step by step, and send its first administrator the welcome mail. Interrupted, it resumes when repeated.

    With --pending, everything that is not as the files declare it, in one run of the engine for each stack. New tenants are welcomed.
    What is refused is named after the rest was made, and the exit code is 2.

    Example: tenantry provision acme

    Example: tenantry provision --pending      (after a pull request was merged)
    """
    from tenantry.commands import pending as merged
    from tenantry.operations import provision as operation

    if bool(slugs) == (pending or changed_since is not None):
        raise InputError("say which: SLUG…, or --pending", "for example: tenantry provision acme")
    if slugs:
        run_ids = operation.request_all(slugs, actor=Actor.of_environment())
        _say_unversioned()
        watch(run_ids, detach=detach, as_json=as_json)
    else:
        _say_unversioned()
        only = None if changed_since is None else operation.changed_since(changed_since)
        merged.provision(only, detach=detach, as_json=as_json)


def _say_unversioned() -> None:
    from tenantry.declaration import unversioned
    from tenantry.settings import tenants_dir

    if note := unversioned.note(tenants_dir()):
        console.say(note)


def resume(run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")], detach: Detach = False, as_json: Json = False) -> None:
    """Resume a run that failed, at the step that failed.

    Example: tenantry resume 7c3f9a52-…
    """
    from tenantry.operations import runs

    watch([runs.resume(run, actor=Actor.of_environment())], detach=detach, as_json=as_json)


def log(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[SLUG|RUN]",
            help="A tenant or one run; the newest runs of all when left out.",
            show_default=False,
            autocompletion=completion.slugs,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Runs to show.")] = 10,
    export: Annotated[
        str | None, typer.Option("--export", metavar="jsonl|csv", help="All runs, of the tenant or of every one, as lines for a program.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what happened, when, by whom, and with what outcome.

    Example: tenantry log --export csv > runs.csv

    Example: tenantry log acme

    Example: tenantry log 7c3f9a52-… --json
    """
    from tenantry.operations import runs

    run_id = runs.parsed(what) if what else None
    if export is not None:
        from tenantry.operations import run_log

        if run_id is not None or as_json:
            raise InputError("--export is for all runs of a tenant, or of every one", "for example: tenantry log acme --export csv")
        for text in run_log.exported(export, run_log.Filters(tenant=what)):
            console.document(text.replace("\r\n", "\n"))
        return
    found = [runs.logged(run_id)] if run_id is not None else runs.newest(what or None, limit)
    if as_json:
        shown = [asdict(run) for run in found]
        console.print_json(shown[0] if run_id is not None else shown)
        return
    for run in reversed(found):
        _print_run(run)
    if not found:
        console.line(f"no run of {what} yet; tenantry config history {what} shows values set at runtime" if what else "no run yet")


def worker(
    concurrency: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs at one time (default: the number of cores).")] = None,
) -> None:
    """Take runs from the queue until told to stop (SIGTERM, Ctrl-C). Start as many as you like, on as many machines as you like.

    It also sends what webhooks are told.

    Example: tenantry worker --concurrency 4
    """
    from tenantry.operations.webhook_sender import Sender
    from tenantry.work.worker import Worker

    if concurrency is not None:
        os.environ["TENANTRY_WORKER_CONCURRENCY"] = str(concurrency)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    waiting.silence_is_normal()
    at_work = Worker(console.say, schedules=True, outdated=ended.set)
    at_work.start()
    console.say(f"worker {at_work.id} is at work")
    with Sender(console.say):
        ended.wait()
    if at_work.older is not None:
        at_work.leave()
        raise at_work.older
    console.say("ending: no more runs are taken, those in hand are finished")
    at_work.stop()


def _print_run(run: LoggedRun) -> None:
    when = f"{run.requested_at:%Y-%m-%d %H:%M:%S}"
    commit = f", commit {run.commit[:10]}" if run.commit else ""
    by = f"{run.requested_by} ({run.via}{commit})"
    console.line(f"{when}  {run.kind} {run.subject}: {run.state}, asked for by {by}, run {run.id}")
    for asker in run.askers:
        console.line(f"    {asked_again(asker)}")
    for step in run.steps:
        console.line(f"    {line(step)}")
    for each in run.tenants:
        console.line(f"    {tenant_line(each)}")
    if run.state == "cancelled":
        console.line(f"    cancelled: {run.error}")
    elif run.error:
        console.line(f"    failed: {run.error}")
        console.line(f"    next: {run.hint or ''}; then: tenantry resume {run.id}".replace("next: ; then: ", "next: "))
    elif run.state in ("queued", "running"):
        console.line(f"    {run.progress or ('waits for a worker' if run.state == 'queued' else 'at work')}")
