"""Random histories without the engine: what a run in any clone makes of each tenant is what the commits and the commands say.

The runs are played; files, git, ledger and registry are real. The same histories with the engine: tests/engine/test_histories.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.home import CLONE
from tenantry.control import admission, ledger, registry, stack_runs
from tenantry.control.database import transaction
from tenantry.control.ledger import Ledger
from tenantry.declaration import fingerprint, placement
from tenantry.declaration.store import DeclarationStore
from tenantry.operations.lifecycle import states
from tenantry.postgres.server import Server
from tenantry.settings import PlatformSettings, tenants_dir
from tests.driving.choosing import base
from tests.histories import choosing, model
from tests.histories.acts import Job, Merge, MergeLine, Overlap, Revert, Typed, Workers
from tests.histories.merging import Merging
from tests.histories.model import UNKNOWN, Checkout, File, World
from tests.histories.repositories import Repositories
from tests.service.test_admission import command, platform
from tests.volume import volume

pytestmark = [pytest.mark.service, pytest.mark.volume]

__all__ = ["platform"]

SETTINGS = PlatformSettings.from_project(CLONE)


class Played:
    """The clones, and what must be true of each tenant: one world, since nothing is killed and nothing fails."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.git, self._monkeypatch = Repositories(root), monkeypatch
        self.git.make(base().files, CLONE / "tenants" / "defaults")
        self.merging = Merging(self.git)
        self.worlds: dict[str, World] = {}
        self.run("pipeline", 0)

    def run(self, clone: str, back: int) -> None:
        self._have(clone, back)
        self._run(clone, self.git.main(back))

    def type(self, act: Typed) -> None:
        self._have("operator", act.back)
        world = self.worlds.get(act.slug, UNKNOWN)
        there = (self.git.tenants("operator") / f"{act.slug}.yaml").exists()
        if there and world.state in states.FROM[act.command]:
            to = choosing.LEADS[act.command]
            command(act.slug, act.command, to)
            DeclarationStore(tenants_dir()).edit(act.slug, {"state": to})
            said = self.git.declared(self.git.main(act.back))[act.slug].state
            self.worlds[act.slug] = model.typed(world, to)
            self._run("operator", self.git.main(act.back), act.slug if said != to else None)
        if act.line != "lost":
            self.merging.commit_line(act.line)

    def _have(self, clone: str, back: int) -> None:
        self.git.have(clone, back)
        self._monkeypatch.setenv("TENANTRY_TENANTS", str(self.git.tenants(clone)))

    def _run(self, clone: str, commit: str, typed: str | None = None) -> None:
        admitted = admission.load()
        with Server.from_environment().connect() as connection:
            connection.autocommit = True
            known = [admitted.entry(tenant) for tenant in admitted.declared.values()]
            ledger.begin(connection, Ledger.read(connection, "shared"), [], known)
            stack_runs.reach_end(connection, "shared")
        for tenant in admitted.declared.values():
            admin = {"name": tenant.admin.name, "email": tenant.admin.email}
            registry.record(str(tenant.id), tenant.slug, placement.row(tenant, SETTINGS), [], admin)
        tree = self.git.declared(commit)
        checkout = Checkout(commit, {slug: File(it.state, fingerprint.content(it, self.git.tree(commit))) for slug, it in tree.items()})
        for slug in {*self.worlds, *checkout.files}:
            world = self.worlds.get(slug, UNKNOWN)
            if slug != typed:
                self.worlds[slug] = model.run(slug, world, checkout, self.git.contains)
            elif self.git.contains(world.commit, commit):  # the line that a command has just written is in no commit
                self.worlds[slug] = replace(world, commit=commit, content=checkout.files[slug].content)
        expected = {slug: (world.state, world.content) for slug, world in self.worlds.items() if world.state}
        assert self._there() == expected, f"in {clone}"

    def _there(self) -> Mapping[str, tuple[str, str]]:
        with transaction() as connection:
            found = {row["slug"]: row["state"] for row in connection.execute("SELECT slug, state FROM tenants")}
        with Server.from_environment().connect() as connection:
            book = Ledger.read(connection, "shared")
        contents = {slug: known.origin.content for slug, known in book.tenants.items() if known.origin is not None}
        return {slug: (state, contents[slug]) for slug, state in found.items()}


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: Any) -> Iterator[Played]:
    return Played(tmp_path / "git", monkeypatch)


@pytest.mark.parametrize("number", range(volume(10, 200)), ids=lambda number: f"{number}-")
def test_history_of_files(played: Played, number: int) -> None:
    for act in choosing.history(number):
        match act:
            case Merge():
                played.merging.merge(act)
            case Revert(back):
                played.merging.revert(back)
            case MergeLine():
                played.merging.merge_line()
            case Typed():
                played.type(act)
            case Job(back=back):
                played.run("pipeline", back)
            case Overlap(first, second):
                for job in (first, second):
                    played.run(job.clone, job.back)
            case Workers(backs=backs):
                for clone, back in zip(("one", "two"), backs, strict=True):
                    played.run(clone, back)
    played.run("pipeline", 0)
