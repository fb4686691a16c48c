"""Random driving: whatever is typed, in any order, what Tenantry says of a tenant is true, nothing is lost, and two commands end it.

A sequence that fails is printed as a shell script. One alone: ``-k 'sequence and 17-'``.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.driving import choosing
from tests.driving.driver import Driver
from tests.engine.conftest import running
from tests.volume import volume

pytestmark = [pytest.mark.engine, pytest.mark.volume]

TOGETHER = 30
"""Sequences on one platform, one after the other: each leaves a tenant or two."""


class Platforms:
    """One platform at a time, made anew where a sequence has failed, and after so many."""

    def __init__(self, place: Path, image: Path) -> None:
        self._place, self._image = place, image
        self._open = ExitStack()
        self._driver: Driver | None = None
        self._played = 0

    def play(self, number: int) -> None:
        if self._played == TOGETHER:
            self.close()
        driver, self._driver = self.driver(), None
        driver.play(number)
        self._driver = driver
        self._played += 1

    def driver(self) -> Driver:
        """The platform that the next sequence will have."""
        if self._driver is None:
            self.close()
            subprocess.run(["cp", "-a", "--reflink=auto", self._image, self._place / "local"], check=True)
            self._driver = Driver(self._open.enter_context(running(self._place)))
        return self._driver

    def close(self) -> None:
        self._open.close()
        self._driver, self._played = None, 0


@pytest.fixture(scope="module")
def platforms(place: Path, image: Path) -> Iterator[Platforms]:
    made = Platforms(place, image)
    yield made
    made.close()


FAULTS = {
    "schema": (
        "cell_main",
        "ALTER SCHEMA t_zinnia RENAME TO elsewhere",
        "ALTER SCHEMA elsewhere RENAME TO t_zinnia",
        ["the schema cell_main.t_zinnia of zinnia is gone", "the rows of zinnia are gone", "called applied: tables of zinnia"],
    ),
    "password": (
        "postgres",
        "CREATE TABLE kept AS SELECT rolpassword FROM pg_authid WHERE rolname = 't_yew__app'; ALTER ROLE t_yew__app PASSWORD 'another'",
        "DO $$ BEGIN EXECUTE format('ALTER ROLE t_yew__app PASSWORD %L', (SELECT rolpassword FROM kept)); END $$; DROP TABLE kept",
        ["t_yew__app does not get in with the password that the stack shared hands out"],
    ),
    "rows": (
        "cell_main",
        "CREATE TABLE kept AS SELECT * FROM shared.users; DELETE FROM shared.users",
        "INSERT INTO shared.users SELECT * FROM kept; DROP TABLE kept",
        ["the rows of ash are gone", "the rows of elm are gone", "the rows of fir are gone"],
    ),
    "configuration": (
        "tenantry",
        "UPDATE control.tenant_configurations SET config_value = '11' WHERE config_key = 'limits.users' AND config_value = '10'",
        "UPDATE control.tenant_configurations SET config_value = '10' WHERE config_key = 'limits.users' AND config_value = '11'",
        ["called applied: configuration of ash: limits.users is 11, declared 10"],
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_done_behind_its_back_is_seen(platforms: Platforms, what: str) -> None:
    """The checks can fail: what somebody else drops or changes while all are called applied. Undone, all is well again."""
    database, plant, undo, found = FAULTS[what]
    driver = platforms.driver()
    with driver.sandbox.sql(database) as admin:
        admin.execute(plant)
        with pytest.raises(AssertionError) as wrong:
            driver.judge()
        admin.execute(undo)
    driver.judge()
    for part in found:
        assert part in str(wrong.value)


@pytest.mark.parametrize("number", volume(choosing.QUICK, tuple(range(300))), ids=lambda number: f"{number}-")
def test_sequence(platforms: Platforms, number: int) -> None:
    """After each act who is called applied is as declared, nothing is gone that nobody removed, log-ins work; then it comes to rest."""
    platforms.play(number)
