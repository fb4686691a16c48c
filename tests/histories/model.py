"""What may be true of one tenant after what was merged, run and typed: every world that fits what was seen so far.

It knows nothing of how Tenantry keeps its books: only what a command said, which commits were run, and what their files say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

Contains = Callable[[str, str], bool]
"""Whether the first commit is the second, or comes before it."""


@dataclass(frozen=True)
class File:
    """What a tenant's file says in a commit: the state, and all else as a digest."""

    state: str
    content: str


@dataclass(frozen=True)
class Checkout:
    """A commit that something was run in."""

    commit: str
    files: Mapping[str, File]


@dataclass(frozen=True)
class World:
    """One tenant as it may be."""

    state: str | None
    """None: nobody has ever made it."""
    commit: str = ""
    """The one that its declaration was taken from."""
    base: str = ""
    """What the file said of the state in that commit: a later file that says the same wants no change of it."""
    content: str = ""
    heard: bool = True
    """Whether a committed file was seen to say what the last command said."""

    @property
    def shut_out(self) -> bool:
        return self.state in ("suspended", "offboarding")

    @property
    def gone(self) -> bool:
        return self.state in ("deleted", "archived")


UNKNOWN = World(None)


def run(slug: str, world: World, checkout: Checkout, contains: Contains) -> World:
    """What a run of that commit makes of it: once more, the same."""
    file = checkout.files.get(slug)
    if file is None or world.gone:
        return world
    if world.state is None:
        return World(file.state, checkout.commit, file.state, file.content)
    if not contains(world.commit, checkout.commit):
        return world  # a newer commit was applied
    if (
        not world.heard and file.state != world.state and not world.state == world.base == "active"
    ):  # what a command has done stands against every file that does not say it
        late = world.base == world.state  # an earlier command's line: seen, and not meant
        return replace(world, commit=checkout.commit, content=file.content, base=file.state if late else world.base)
    heard = world.heard or file.state != world.base or file.state == "active"
    return World(file.state, checkout.commit, file.state, file.content, heard)


def refused(slug: str, world: World, checkout: Checkout, contains: Contains) -> bool:
    """Whether a run of that commit has to say that it leaves this tenant alone: its exit code is 2."""
    file = checkout.files.get(slug)
    if world.state is None or world.gone:
        return False
    if file is None:
        return True
    if not contains(world.commit, checkout.commit):
        return file.content != world.content or file.state != world.base
    return not world.heard and file.state not in (world.base, world.state) and world.base != world.state


def typed(world: World, target: str) -> World:
    """What a command makes of it. The line that it writes into a file is nobody's until it is merged."""
    return replace(world, state=target, heard=False)


def reached(
    slug: str, worlds: Iterable[World], checkouts: Iterable[Checkout], contains: Contains, targets: Collection[str] = ()
) -> set[World]:
    """All that can come of runs of these commits, in any order and as often as you like, and of a command that leads to a state of
    ``targets``."""
    commits = list(checkouts)
    found = set(worlds)
    new = set(found)
    while new:
        after = {run(slug, world, checkout, contains) for world in new for checkout in commits}
        after |= {typed(world, target) for world in new for target in targets if world.state is not None}
        new = after - found
        found |= new
    return found


def settled(slug: str, worlds: Iterable[World], checkout: Checkout, contains: Contains) -> set[World]:
    """Those in which a run of that commit, called done, has nothing left to do."""
    return {world for world in worlds if world == run(slug, world, checkout, contains)}
