"""What is wrong with the declarations: by themselves, against another commit, and against what the platform knows."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tenantry.declaration import DeclarationErrors, capacity, unversioned
from tenantry.declaration.store import DeclarationStore
from tenantry.declaration.tree import Tree
from tenantry.operations import platform_check
from tenantry.operations.pull_request import PullRequest
from tenantry.problems import Problem
from tenantry.settings import migrations_dir


@dataclass(frozen=True)
class Report:
    """Everything that was found."""

    directory: Path
    problems: tuple[Problem, ...]
    tenants: int | None
    """How many are declared; None where their files cannot be read."""
    asked: bool
    """Whether the platform was."""
    base: str | None = None
    """The commit that they were compared with."""
    differing: int = 0
    """How many tenants differ from it."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What makes the declarations invalid."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def others(self) -> tuple[Problem, ...]:
        """Warnings and notices."""
        return tuple(problem for problem in self.problems if problem.severity != "error")


def report(directory: Path, base: str | None = None, *, offline: bool = False, tell: Callable[[str], None] = lambda line: None) -> Report:
    """Checks the files in ``directory``, and with ``base`` what a run would refuse of the changes since then; nothing is touched.

    The platform is asked unless it is to be ``offline``, or cannot be reached. ``tell`` hears what was not looked at, and why.
    """
    try:
        tenants = DeclarationStore(directory).load()
    except DeclarationErrors as error:
        if base is not None:
            tell(f"note: not compared with {base} before these are corrected")
        return Report(directory, tuple(error.problems), None, asked=False)
    found = list(unversioned.problems(directory, "error" if in_ci() else "warning"))
    request = None
    if base is not None:
        request = PullRequest(directory, base, Tree.of(directory, tenants))
        found += [*request.meant(), *request.older_code(migrations_dir())]
    found += capacity.crowded(directory, tenants, request.added if request else ())
    asked = not offline and platform_check.reachable(tell)
    if asked:
        found += platform_check.problems(directory, tenants, request)
    elif request is not None:
        found += request.refused()
    problems = tuple(sorted(set(found)))
    if request is None:
        return Report(directory, problems, len(tenants), asked)
    return Report(directory, problems, len(tenants), asked, request.base, len(request.changes))


def in_ci() -> bool:
    """Whether a pipeline runs this, as every one of them says."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
