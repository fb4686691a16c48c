"""``tenantry validate``: what is wrong with the declarations, for people, for programs, and beside the lines of a pull request."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.commands.options import Json
from tenantry.settings import tenants_dir

if TYPE_CHECKING:
    from tenantry.operations.validation import Report


class Format(StrEnum):
    """How problems are told to people."""

    text = "text"
    github = "github"


def validate(
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="REF", help="Also what a run would refuse of this branch's changes since it left REF."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no server: the files are checked by themselves.")] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="github: as annotations, which it does by itself where GITHUB_ACTIONS is true.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every declaration and show every problem, each with its file, line and column. Nothing is touched.

    Where a server can be reached, the platform is asked too: a tenant without its file or with another's, an edit that would leave its data
    behind, the file of a tenant that is gone, a name in quarantine. With --base the same is told of the changes alone, without a
    server too: removed, renamed, moved, another state, migrations that are gone. Files that git does not have are a warning, and an
    error where CI is set. Errors give exit 2, warnings 0.

    Example: tenantry validate

    Example: tenantry validate --base origin/main      (in a pull request's check, with the whole history: fetch-depth: 0)
    """
    from tenantry.operations import validation

    found = validation.report(tenants_dir(), base, offline=offline, tell=console.say)
    if as_json:
        _json(found)
    elif form == Format.github or (form is None and os.environ.get("GITHUB_ACTIONS") == "true"):
        _github(found)
    else:
        _text(found)
    if found.errors:
        raise typer.Exit(2)


def _text(report: Report) -> None:
    from tenantry.declaration import DeclarationErrors

    for problem in report.others:
        console.line(problem)
    if report.errors:
        raise DeclarationErrors(report.errors)
    console.line(f"{_summary(report)}: all valid")


def _json(report: Report) -> None:
    console.print_json(
        {
            "valid": not report.errors,
            **({} if report.tenants is None else {"tenants": report.tenants}),
            "problems": [problem.as_json() for problem in report.problems],
            "asked": report.asked,
            "base": report.base,
        }
    )


def _github(report: Report) -> None:
    from tenantry.commands.annotations import annotation

    for problem in report.problems:
        console.line(annotation(problem))
    valid = f"{len(report.errors)} error{'' if len(report.errors) == 1 else 's'}" if report.errors else "all valid"
    console.line(f"{_summary(report)}: {valid}")


def _summary(report: Report) -> str:
    """How many tenants there are, and what they were compared with."""
    count = report.tenants or 0
    against = f"; {report.differing} differ from {report.base[:12]}" if report.base else ""
    return f"{count} tenant{'' if count == 1 else 's'} in {report.directory}{against}"
