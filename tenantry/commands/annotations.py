"""Problems as GitHub's workflow commands, which it shows beside the lines of a pull request.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands. What a tenant wrote may stand in a problem: escaped as
the runner's own toolkit does it, it ends no command and begins none.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenantry.declaration import Problem


def annotation(problem: Problem) -> str:
    """One line, for stdout."""
    where = {"file": _from_the_workspace(problem.file), "line": problem.line, "col": problem.column, "title": "tenantry validate"}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in where.items())
    return f"::{problem.severity} {properties}::{_data(str(problem))}"


def _from_the_workspace(file: str) -> str:
    """GitHub knows files by their path in the repository, wherever the command was run."""
    path, workspace = Path.cwd() / file, os.environ.get("GITHUB_WORKSPACE")
    return str(path.relative_to(workspace)) if workspace and path.is_relative_to(workspace) else file


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
