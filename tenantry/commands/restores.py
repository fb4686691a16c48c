"""`tenantry restore`: a tenant's data brought back, confirmed or rolled back, and rehearsed."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Detach, Json, MaybeSlug, Slug
from tenantry.errors import WorkError


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = (
        "Bring a tenant's data back: `tenantry restore SLUG --from BACKUP`; then confirm it or roll it back. And rehearse it."
        "\n\nExample: tenantry restore acme --from newest"
    )
    commands: groups.Commands = {"create": restore_tenant, "confirm": confirm, "rollback": rollback, "drill": drill}
    groups.add(app, "restore", words, commands, groups.CreateByDefault)


def restore_tenant(
    slug: Slug,
    backup_id: Annotated[str, typer.Option("--from", metavar="BACKUP", help="The backup's id, or `newest`.")],
    into: Annotated[str | None, typer.Option("--as", metavar="NEW", help="Not in place: as another, new tenant.")] = None,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of a tenant's data. It is built and checked beside it first; what was there is kept for 7 days.

    Example: tenantry restore acme --from newest

    Example: tenantry restore acme --from 20261124T101500Z-3f9ac2d1 --as acme-before
    """
    from tenantry.commands.watching import watch
    from tenantry.operations import unmerged
    from tenantry.operations.backup import entries
    from tenantry.operations.restore import beside, run

    chosen = entries.chosen(slug, backup_id)
    if into is not None:
        if beside.prepare(slug, chosen, into):
            console.say(f"tenants/{into}.yaml was written, {unmerged.to_commit(into, f'Restore {slug} as {into}')}")
        if (making := beside.make(into, actor=Actor.of_environment())) is not None:
            watch([making])
    run_id = run.request(slug, chosen, into=into, actor=Actor.of_environment(), tell=console.say)
    watch([run_id], detach=detach, as_json=as_json)


def confirm(slug: Slug, as_json: Json = False) -> None:
    """Drop what a tenant's restore replaced. After that only a backup brings it back.

    Example: tenantry restore confirm acme
    """
    from tenantry.operations.restore import ending

    done = ending.confirm(slug)
    if as_json:
        console.print_json({"slug": slug, "restore": done.id, "backup": done.backup_id, "state": "confirmed"})
    else:
        console.line(f"{slug}: the restore of {done.backup_id} stands; what it replaced is gone")


def rollback(slug: Slug, detach: Detach = False, as_json: Json = False) -> None:
    """Put back what a tenant's restore replaced. What was written since the restore is lost.

    Example: tenantry restore rollback acme
    """
    from tenantry.commands.watching import watch
    from tenantry.operations.restore import run

    watch([run.request_rollback(slug, actor=Actor.of_environment())], detach=detach, as_json=as_json)


def drill(
    slug: MaybeSlug = None,
    as_json: Json = False,
) -> None:
    """Rehearse: restore each tenant's newest backup into scratch, compare it, note how old it was and how long it took.

    Example: tenantry restore drill
    """

    from tenantry.operations import drill as rehearsal

    found = [rehearsal.run(slug, console.say)] if slug is not None else rehearsal.run_all(console.say)
    if as_json:
        console.print_json(found)
    else:
        rows = [
            (one.slug, one.backup_id, "passed" if one.ok else "FAILED", _duration(one.rpo), _duration(one.rto), one.rows, one.problem)
            for one in found
        ]
        console.print_table(("tenant", "backup", "result", "age (RPO)", "restore (RTO)", "rows", "problem"), rows)
    failed = [one for one in found if not one.ok]
    if failed:
        raise WorkError(
            f"{len(failed)} of {len(found)} drills failed: {failed[0].slug}: {failed[0].problem}", f"tenantry backup {failed[0].slug}"
        )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
