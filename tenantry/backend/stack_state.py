"""A stack's present state, as the backend keeps it: what the engine remembers of the stack, and since when. Secrets stay encrypted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tenantry.backend import state_files
from tenantry.clients import process
from tenantry.errors import WorkError
from tenantry.settings import project_root

LIMIT = 300
"""Seconds that the engine is given to hand a state out: that of a large cell on a distant backend takes its time."""


@dataclass(frozen=True)
class Remembered:
    """One resource of the state; a component is none."""

    urn: str
    type: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    tainted: bool
    """Whether the next run replaces it (`pulumi state taint`)."""
    leaving: bool
    """Whether it was replaced, and its delete half is still to come."""
    changed_at: datetime | None = None
    """When a run last changed it. A refresh that finds it as it was, a copy of the state and a run that is refused leave that as it is."""
    protected: bool = False
    """Whether the engine refuses to remove it, and so to replace it."""

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[1]


@dataclass(frozen=True)
class State:
    """What the engine remembers of a stack. Of one that is empty, or of which there is none, nothing."""

    saved_at: datetime | None = None
    """When the engine last saved it, by its machine's clock: after a refused run as well. `state delete`, `taint`, `import` do not."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    resources: tuple[Remembered, ...] = ()
    pending: tuple[str, ...] = ()
    """Of operations that a killed run had begun and nobody settled: each in words."""

    @property
    def lineage(self) -> str | None:
        """The identity that the state shares with the ledger; None: it bears none."""
        found = self.outputs.get("lineage")
        return found if isinstance(found, str) else None

    def holding(self, type_: str, key: str, value: str) -> Remembered | None:
        """The resource of that type whose input ``key`` is ``value``, unless it is on its way out."""
        return next((each for each in self.resources if each.type == type_ and each.inputs.get(key) == value and not each.leaving), None)

    def passwords(self) -> dict[str, datetime]:
        """The resources whose password only the state knows, and when each was last changed; by logical name."""
        stores = (each for each in self.resources if each.type.endswith(("tenantry:Store", "tenantry:Login")) and not each.leaving)
        return {each.name: each.changed_at for each in stores if each.changed_at and not each.outputs.get("secret_arn")}

    def unknown_logins(self) -> tuple[str, ...]:
        """The login roles whose password the state does not know: see ``clients.passwords``."""
        return tuple(sorted(str(each.outputs["app_role"]) for each in self.resources if each.outputs.get("password_known") is False))

    def names(self) -> frozenset[str]:
        """The logical names of all resources."""
        return frozenset(resource.name for resource in self.resources)

    def holds(self, import_id: str) -> bool:
        """Whether a resource is the thing that a provider imports by this id; Cloudflare's is the zone's and the thing's own."""
        return any(import_id in (resource.id, f"{resource.inputs.get('zoneId')}/{resource.id}") for resource in self.resources)


NOTHING: Final = State()


def read(stack: str) -> State:
    """The present state; an empty one where there is no such stack. ``WorkError`` where it cannot be read.

    A folder is read as it is, which costs a no-op run of a large cell less than a hundredth; any other backend is asked by the engine.
    """
    files = state_files.backend()
    if isinstance(files, state_files.Folder):
        return _of_folder(files, stack)
    result = process.run(["pulumi", "stack", "export", "--stack", stack, "--non-interactive"], limit=LIMIT, cwd=project_root())
    if result.returncode == 0:
        return parsed(json.loads(result.stdout).get("deployment") or {})
    said = result.stderr.decode(errors="replace").strip().removeprefix("error: ")
    if "no stack named" in said:
        return NOTHING
    raise WorkError(f"the state of the stack {stack} cannot be read: {said}", "check the backend and run again: tenantry doctor")


def _of_folder(files: state_files.Folder, stack: str) -> State:
    for suffix in (".json", ".json.gz"):
        content = files.read(f"{state_files.ROOT}/stacks/{state_files.PROJECT}/{stack}{suffix}")
        if content:
            try:
                return parsed(json.loads(state_files.plain(content))["checkpoint"].get("latest") or {})
            except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError) as error:
                raise WorkError(f"the state of the stack {stack} cannot be read: {error}", "tenantry doctor says what to do") from error
    return NOTHING


def parsed(deployment: Mapping[str, Any]) -> State:
    """From a deployment, as `pulumi stack export` gives it."""
    resources = deployment.get("resources") or []
    root: Mapping[str, Any] = next((each for each in resources if each["type"] == "pulumi:pulumi:Stack"), {})
    saved = (deployment.get("manifest") or {}).get("time")
    return State(
        saved_at=_moment(saved) if saved else None,
        outputs=root.get("outputs") or {},
        resources=tuple(
            Remembered(
                each["urn"],
                each["type"],
                str(each.get("id") or ""),
                each.get("inputs") or {},
                each.get("outputs") or {},
                bool(each.get("taint")),
                bool(each.get("delete")),
                _moment(each["modified"]) if each.get("modified") else None,
                bool(each.get("protect")),
            )
            for each in resources
            if each.get("custom")
        ),
        pending=tuple(
            f"{each.get('type')} {each['resource']['urn'].rsplit('::', 1)[1]}" for each in deployment.get("pending_operations") or []
        ),
    )


def _moment(text: str) -> datetime | None:
    """Go gives nanoseconds, Python takes microseconds; Go's zero time stands for none."""
    found = datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", lambda fraction: f"{fraction[1]:0<7}", text))
    return found if found.year > 1 else None
