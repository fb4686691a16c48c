"""What our dynamic resource types have in common: a diff by declared property, and errors that name the next step."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from pulumi.dynamic import ConfigureRequest, DiffResult, ResourceProvider

from tenantry import preload


class DeclaredProvider(ResourceProvider):
    """A provider whose resource is described by a fixed list of properties.

    Subclasses have class attributes only: Pulumi stores the instance pickled by reference in the state.
    """

    serialize_as_secret_always = False

    inputs: ClassVar[tuple[str, ...]] = ()
    """The properties a program sets."""

    replaces: ClassVar[frozenset[str]] = frozenset()
    """Those whose change means another thing, not a change of this one."""

    def configure(self, req: ConfigureRequest) -> None:
        """Called once, and before anything else; the calls that follow come from four threads."""
        preload.stores()

    def drift(self, state: Mapping[str, Any]) -> list[str]:
        """Properties that the last refresh found to be other than what was made."""
        return []

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = [name for name in self.inputs if _olds.get(name) != _news.get(name)]
        replaces = [name for name in changed if name in self.replaces]
        return DiffResult(changes=bool(changed or self.drift(_olds)), replaces=replaces, delete_before_replace=True)


def maker() -> dict[str, str]:
    """The output that says which creation this is, to be written beside what it makes.

    The delete half of a replacement comes after the create half, at the latest in another run, and must find that the thing is not its.
    """
    return {"made_by": secrets.token_hex(8)}


def made(state: Mapping[str, Any]) -> dict[str, str]:
    """The same output of a resource that there is; older states have none."""
    return {"made_by": state["made_by"]} if state.get("made_by") else {}
