"""Where Pulumi's automation runs: the project's folder, the engine's program and a stack's handle."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from pulumi import automation
from pulumi.automation._stack import StackInitMode

from tenantry.backend.state_files import PROJECT
from tenantry.settings import platform_settings, project_root


class Workspace(automation.LocalWorkspace):
    """A workspace that does not note which stack was used last: each command names its own, and that would be one process more."""

    def select_stack(self, stack_name: str) -> None:
        """Nothing to do."""


class Stack(automation.Stack):
    """A stack whose runs are told by their events. The SDK starts three more engines after a run to gather what nobody here asks for."""

    def outputs(self) -> automation.OutputMap:
        """Not gathered."""
        return {}

    def info(self, show_secrets: bool = False) -> automation.UpdateSummary:
        """Not gathered, but for what the SDK insists on."""
        return automation.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


@cache
def command() -> automation.PulumiCommand:
    """The engine's command line; its version is asked for once."""
    return automation.PulumiCommand()


def handle(stack: str, environment: Mapping[str, str]) -> automation.Stack:
    workspace = Workspace(str(project_root()), env_vars=dict(environment), pulumi_command=command())
    return Stack(stack, workspace, StackInitMode.SELECT)  # `select` would make a plain Stack


def create(stack: str) -> None:
    """Makes an empty stack, with the secrets provider that the settings name."""
    provider = platform_settings().secrets_provider
    if "PULUMI_OPTION_CONFIG_FILE" not in os.environ:
        automation.LocalWorkspace(str(project_root()), secrets_provider=provider, pulumi_command=command()).create_stack(stack)
        return
    # One configuration file serves all stacks. `stack init` does not know that option and would write another beside the project.
    with tempfile.TemporaryDirectory() as scratch:
        project = automation.ProjectSettings(name=PROJECT, runtime="python")
        workspace = automation.LocalWorkspace(scratch, project_settings=project, secrets_provider=provider, pulumi_command=command())
        workspace.create_stack(stack)
