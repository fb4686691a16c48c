"""``tenantry validate``: what is wrong with the declarations, for people, for programs, and beside the lines of a pull request."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tenantry import console
from tenantry.commands.options import Json
from tenantry.settings import migrations_dir, tenants_dir

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tenantry.declaration import Declarations, Problem
    from tenantry.operations.pull_request import PullRequest

TIMEOUT: Final = 2
"""Seconds that a server has to answer: whoever checks files does not wait for one that is away."""


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

    Where a server can be asked, so is the platform: a tenant without its file or with another's, an edit that would leave its data
    behind, the file of a tenant that is gone, a name in quarantine. With --base the same is told of the difference alone, without a
    server too: removed, renamed, moved, another state, migrations that are gone. Files that git does not have are a warning, and an
    error where CI is set. Errors give exit 2, warnings 0.

    Example: tenantry validate

    Example: tenantry validate --base origin/main      (in a pull request's check, with the whole history: fetch-depth: 0)
    """
    report = Report(tenants_dir(), base, offline=offline)
    if as_json:
        _json(report)
    elif form == Format.github or (form is None and os.environ.get("GITHUB_ACTIONS") == "true"):
        _github(report)
    else:
        _text(report)
    if report.errors:
        raise typer.Exit(2)


class Report:
    """Everything that was found."""

    def __init__(self, directory: Path, base: str | None, *, offline: bool) -> None:
        from tenantry.declaration import DeclarationErrors, load

        self.directory = directory
        self.tenants: Declarations | None = None
        self.request: PullRequest | None = None
        self.asked = False
        try:
            self.tenants = load(directory)
        except DeclarationErrors as error:
            self.problems: Sequence[Problem] = error.problems
            if base is not None:
                console.say(f"note: not compared with {base} before these are corrected")
            return
        self.problems = sorted(set(self._of_valid_files(self.tenants, base, offline=offline)))

    def _of_valid_files(self, tenants: Declarations, base: str | None, *, offline: bool) -> Sequence[Problem]:
        from tenantry.declaration import capacity, unversioned
        from tenantry.declaration.tree import Tree
        from tenantry.operations import platform_check, pull_request

        found = list(unversioned.problems(self.directory, "error" if in_ci() else "warning"))
        if base is not None:
            self.request = pull_request.PullRequest(self.directory, base, Tree.of(self.directory, tenants))
            found += [*self.request.meant(), *self.request.older_code(migrations_dir())]
        found += capacity.crowded(self.directory, tenants, self.request.added if self.request else ())
        self.asked = not offline and asked()
        if self.asked:
            found += platform_check.problems(self.directory, tenants, self.request)
        elif self.request is not None:
            found += self.request.refused()
        return found

    @property
    def errors(self) -> Sequence[Problem]:
        """What makes the declarations invalid."""
        return [problem for problem in self.problems if problem.severity == "error"]

    @property
    def others(self) -> Sequence[Problem]:
        """Warnings and notices."""
        return [problem for problem in self.problems if problem.severity != "error"]

    @property
    def summary(self) -> str:
        """How many tenants there are, and what they were compared with."""
        count = len(self.tenants or ())
        against = f"; {len(self.request.changes)} differ from {self.request.base[:12]}" if self.request else ""
        return f"{count} tenant{'' if count == 1 else 's'} in {self.directory}{against}"


def _text(report: Report) -> None:
    from tenantry.declaration import DeclarationErrors

    for problem in report.others:
        console.line(problem)
    if report.errors:
        raise DeclarationErrors(report.errors)
    console.line(f"{report.summary}: all valid")


def _json(report: Report) -> None:
    console.print_json(
        {
            "valid": not report.errors,
            **({} if report.tenants is None else {"tenants": len(report.tenants)}),
            "problems": [problem.as_json() for problem in report.problems],
            "asked": report.asked,
            "base": report.request.base if report.request else None,
        }
    )


def _github(report: Report) -> None:
    from tenantry.commands.annotations import annotation

    for problem in report.problems:
        console.line(annotation(problem))
    valid = f"{len(report.errors)} error{'' if len(report.errors) == 1 else 's'}" if report.errors else "all valid"
    console.line(f"{report.summary}: {valid}")


def in_ci() -> bool:
    """Whether a pipeline runs this, as every one of them says."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def asked() -> bool:
    """Whether the platform can be asked; says on stderr that it was not. In a pull request's checks there is no server."""
    from tenantry.errors import TenantryError
    from tenantry.postgres.server import Server

    try:
        Server.from_environment().connect(timeout=TIMEOUT).close()
    except TenantryError as error:
        console.say(f"note: the platform was not asked: {error.message}")
        return False
    return True
