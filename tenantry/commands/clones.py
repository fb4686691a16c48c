"""`tenantry clone`: a tenant copied for staging, anonymised."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Detach, Json, Slug
from tenantry.errors import InputError

File = Annotated[
    Path | None,
    typer.Option("--classification", metavar="FILE", help="Another file than migrations/classification.yaml.", exists=True, dir_okay=False),
]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "Copy a tenant for staging, anonymised: `tenantry clone SLUG --as NEW`.\n\nExample: tenantry clone acme --as acme-staging"
    groups.add(app, "clone", words, {"run": run, "check": check, "list": every}, groups.RunByDefault)


def run(
    slug: Slug,
    new: Annotated[str, typer.Option("--as", metavar="NEW", help="The clone's slug.", show_default=False)],
    salt: Annotated[
        str | None,
        typer.Option("--salt", metavar="TEXT", help="Clones of one tenant with the same salt hold the same data (default: NEW)."),
    ] = None,
    isolation: Annotated[
        str | None, typer.Option("--isolation", metavar="MODEL", help="rls, schema, database or instance (default: the source's).")
    ] = None,
    admin: Annotated[
        str | None, typer.Option("--admin", metavar="EMAIL", help="The clone's administrator; a link is made by tenantry invite NEW.")
    ] = None,
    file: File = None,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Copy a tenant for staging, anonymised. Interrupted, it resumes when repeated.

    Example: tenantry clone acme --as acme-staging

    Example: tenantry clone acme --as acme-test --isolation rls --salt release-7
    """
    from tenantry.commands.watching import watch
    from tenantry.operations import unmerged
    from tenantry.operations.clone import work

    run_id = work.request(slug, new, actor=Actor.of_environment(), salt=salt, isolation=isolation, admin=admin, file=file)
    watch([run_id], detach=detach, as_json=as_json)
    if not detach and not as_json:
        console.line(f"{new}: an anonymised clone of {slug}; tenantry invite {new} makes its administrator's link")
        if commit := unmerged.to_commit(new, f"Clone {slug} as {new}"):
            console.say(f"tenants/{new}.yaml was written, {commit}")


def check(
    file: File = None,
    cell: Annotated[str, typer.Option("--cell", metavar="CELL", help="The cell whose tables are looked at.")] = "main",
    as_json: Json = False,
) -> None:
    """Compare the classification with the tables of the newest revision: every column must be in it, and nothing else.

    For CI: a revision that is not rolled out yet is checked, too.

    Example: tenantry clone check
    """
    from tenantry.operations.clone import work

    found = work.check(file, cell)
    content, problems = found.content, list(found.problems)
    if as_json:
        console.print_json(
            {
                "classification": content.name,
                "sha256": content.digest,
                "revision": found.revision,
                "pending": found.pending,
                "problems": problems,
            }
        )
    elif found.pending:
        console.say(f"note: looked at tables of revision {found.revision}, which the cell {cell} is not at yet: tenantry migrate")
    for problem in problems if not as_json else ():
        console.line(problem)
    if problems:
        raise InputError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {content.name}",
            "docs/cloning.md explains the words",
            code="classification.invalid",
        )
    if not as_json:
        console.line(f"{content.name}: every column of {len(content.tenant)} tenant tables and every registry table is classified")


def every(as_json: Json = False) -> None:
    """Show the clones: their sources, how much was copied, and whether they are complete.

    Example: tenantry clone list --json
    """
    from tenantry.operations.clone import work

    found = work.listed()
    if as_json:
        console.print_json(found)
        return
    shown = [
        (
            clone.slug, clone.source, clone.isolation, clone.state, clone.salt, clone.rows_copied, clone.objects_copied,
            f"{clone.filled_at:%Y-%m-%d %H:%M}" if clone.filled_at else "",
        )
        for clone in found
    ]  # fmt: skip
    console.print_table(("clone", "of", "isolation", "state", "salt", "rows", "objects", "filled"), shown)
