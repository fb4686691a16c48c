"""Random histories: merges, reverts, jobs in any order, commands in other clones, workers at other commits, failures and kills.

After each act nobody is let in whom a command shut out, nobody is welcomed twice, and nothing is called done that is not as declared; at
the end one run at the head of main makes everything what the head and the commands say. A history that fails is printed as a shell script.
One alone: ``…/test_histories.py::test_history[17-]``.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.cloud.cloud import Cloud
from local.home import Home
from tests import warm
from tests.checkout import DEFAULTS
from tests.engine.conftest import Sandbox
from tests.histories.acts import Typed
from tests.histories.player import Player, Ran, files
from tests.histories.repositories import Repositories
from tests.volume import volume

pytestmark = [pytest.mark.engine, pytest.mark.volume]


class Platforms:
    """A platform that stands as each history begins, made once and copied."""

    def __init__(self, place: Path, image: Path) -> None:
        self._place, self._kept = place, place / "histories"
        _copy(image, place / "local")
        self._kept.mkdir()
        repositories = Repositories(place / "git")
        repositories.make(files(), DEFAULTS)
        with self._running() as sandbox:
            done = sandbox.tenantry("up", "--all", TENANTRY_TENANTS=str(repositories.tenants("pipeline")))
            assert done.returncode == 0
            sandbox.cloud.down()
            for name in ("local", "git"):
                _copy(place / name, self._kept / name)

    @contextmanager
    def _running(self) -> Iterator[Sandbox]:
        sandbox = Sandbox(self._place, Cloud(Home(self._place / "local")))
        warm.up(sandbox.cloud)
        try:
            yield sandbox
        finally:
            sandbox.cloud.reset()
            for name in ("local", "git"):
                shutil.rmtree(self._place / name, ignore_errors=True)

    @contextmanager
    def player(self) -> Iterator[Player]:
        for name in ("local", "git"):
            shutil.rmtree(self._place / name, ignore_errors=True)
            _copy(self._kept / name, self._place / name)
        with self._running() as sandbox:
            player = Player(sandbox, Repositories(self._place / "git"))
            try:
                yield player
            finally:
                player.close()

    def close(self) -> None:
        shutil.rmtree(self._kept)


def _copy(source: Path, target: Path) -> None:
    # Not shutil: it would give what belongs to PostgreSQL's system user to root.
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


@pytest.fixture(scope="module")
def platforms(place: Path, image: Path) -> Iterator[Platforms]:
    made = Platforms(place, image)
    yield made
    made.close()


LETS_IN = "UPDATE control.tenants SET state = 'active' WHERE slug = 'yew'"
WELCOMES = """
    INSERT INTO control.outbox (tenant_id, kind, key, recipient)
    SELECT id, 'invitation', 'planted:' || n, 'ada@ash.example' FROM control.tenants, generate_series(1, 2) n WHERE slug = 'ash'
"""
CHANGES = """
    UPDATE control.tenant_configurations SET config_value = '11'
    WHERE config_key = 'limits.users' AND tenant_id = (SELECT id FROM control.tenants WHERE slug = 'elm')
"""


def test_what_is_done_behind_its_back_is_seen(platforms: Platforms) -> None:
    """The checks can fail: somebody lets in whom a command shut out, welcomes who was there before, changes what is called applied."""
    with platforms.player() as player:
        player.play(0, [Typed("suspend", "yew")])
        with player.sandbox.sql("tenantry") as admin:
            for fault in (LETS_IN, WELCOMES, CHANGES, "ALTER ROLE t_yew__app LOGIN"):
                admin.execute(fault)
        with pytest.raises(AssertionError) as wrong:
            player.judge(Ran())
    found = str(wrong.value)
    for part in (
        "yew is active in the registry, and can only be suspended",
        "t_yew__app may log in, and yew is suspended",
        "ash has 2 of mail invitation",
        "ash was there before, and 2 mails welcome it",
        "called applied: configuration of elm: limits.users is 11, declared 10",
    ):
        assert part in found


@pytest.mark.parametrize("number", range(volume(20, 200)), ids=lambda number: f"{number}-")
def test_history(platforms: Platforms, number: int) -> None:
    """3 to 8 acts, each looked after, and the run at the head that ends it."""
    with platforms.player() as player:
        player.play(number)
