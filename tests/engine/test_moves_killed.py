"""A move killed at every point that matters, and at random: it ends in the old place or the new one, with every row in one of them."""

from __future__ import annotations

import random
import time

import pytest

from tests.engine.moving import contents, fill, home, places_with_rows, turnstiles
from tests.engine.test_killed_runs import check_nothing_is_double_or_left
from tests.killing import killed_at

pytestmark = pytest.mark.engine

SEED = 20261125
MOVES, PASSING, TRANSFER = "tenantry.clients.moves", "tenantry.operations.move.passing", "tenantry.operations.move.transfer"
TURNSTILE, ROWS, LEDGER = "tenantry.clients.turnstile", "tenantry.clients.rows", "tenantry.clients.ledger"

# Point and number of the call; the engine's runs are: to prepare, at the new home, at the old one.
POINTS = (
    (f"before {MOVES}:begin", 1),
    (f"after {LEDGER}:mark_moving", 1),
    (f"before {PASSING}:prepare", 1),
    (f"after {PASSING}:_up", 1),
    (f"after {TURNSTILE}:install", 1),
    (f"after {ROWS}:copy", 1),
    (f"before {TRANSFER}:catch_up", 1),
    (f"after {ROWS}:compare", 1),
    (f"before {TURNSTILE}:Freeze.set_shut", 1),
    (f"after {TURNSTILE}:Freeze.set_shut", 1),  # shut, and the registry does not say so yet
    (f"before {MOVES}:measured", 1),  # the registry says it
    (f"after {PASSING}:set_login", 1),
    (f"before {PASSING}:_forget", 1),
    (f"after {PASSING}:_forget", 1),
    (f"after {LEDGER}:pass_on", 1),
    (f"before {PASSING}:_up", 2),
    (f"after {PASSING}:_up", 2),
)
CLEAN_UP = (
    (f"after {MOVES}:advance", 1),
    (f"after {PASSING}:_up", 1),
    (f"after {MOVES}:advance", 2),
    (f"before {MOVES}:end", 1),
    (f"before {LEDGER}:mark_moving", 1),  # closed, and the run has not ended
)
WAY_BACK = (
    (f"after {ROWS}:copy", 1),
    (f"after {TURNSTILE}:Freeze.set_shut", 1),
    (f"after {TRANSFER}:set_login", 2),  # its own role may log in, and the registry does not say so yet
    (f"before {TRANSFER}:reopen", 1),  # the registry says it, and nobody may write
    (f"before {MOVES}:measured", 1),
    (f"after {PASSING}:_forget", 1),
    (f"after {LEDGER}:pass_on", 1),
    (f"before {LEDGER}:mark_moving", 1),
)


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.declare("mover", isolation="schema", domains=["www.mover.example"])
    sandbox.declare("still", isolation="rls")
    sandbox.up()
    for slug in ("mover", "still"):
        fill(sandbox, slug, 300)
    return sandbox


def other(platform):
    return {"schema": "database", "database": "schema"}[home(platform, "mover")[0]]


def check_whole(platform, before, target):
    """The tenant lives at one end, and all that it had is there."""
    assert home(platform, "mover")[0] in ("schema", "database")
    assert contents(platform, "mover") == before, f"on the way to {target}"


def stacks(platform):
    return ["shared", *(["mover"] if home(platform, "mover")[0] == "database" else [])]


@pytest.fixture(autouse=True)
def nothing_to_do_at_the_end(platform):
    """Whatever was killed, the engine then finds everything as it is declared."""
    yield
    assert platform.up() == {stack: {} for stack in stacks(platform)}


def check_at_rest(platform, before, neighbour):
    """Everything is in one place and in one state, and the files say so."""
    assert contents(platform, "mover") == before
    assert contents(platform, "still") == neighbour
    assert len(places_with_rows(platform, "mover")) == 1
    assert turnstiles(platform) == []
    check_nothing_is_double_or_left(platform, stacks(platform))


def test_killed_on_the_way(platform):
    """Seventeen points between the first entry and the last run of the engine, in both directions between two stacks."""
    before, neighbour = contents(platform, "mover"), contents(platform, "still")
    for point, call in POINTS:
        target = other(platform)
        assert killed_at(platform, point, call, "move", "mover", "--to", target), f"not killed {point}"
        check_whole(platform, before, target)
        platform.tenantry("move", "mover")
        assert home(platform, "mover")[0] == target, point
        check_whole(platform, before, target)
        platform.tenantry("move", "mover", "--finish")
        check_at_rest(platform, before, neighbour)


def test_killed_while_the_old_place_goes(platform):
    """Five points of the clean-up."""
    before, neighbour = contents(platform, "mover"), contents(platform, "still")
    for point, call in CLEAN_UP:
        platform.tenantry("move", "mover", "--to", other(platform))
        assert killed_at(platform, point, call, "move", "mover", "--finish"), f"not killed {point}"
        check_whole(platform, before, "")
        platform.tenantry("move", "mover", "--finish")
        check_at_rest(platform, before, neighbour)


def test_killed_on_the_way_back(platform):
    """Eight points of a rollback, and a move that is given up before it switched."""
    before, neighbour = contents(platform, "mover"), contents(platform, "still")
    start = home(platform, "mover")
    for point, call in WAY_BACK:
        platform.tenantry("move", "mover", "--to", other(platform))
        assert killed_at(platform, point, call, "move", "mover", "--rollback"), f"not killed {point}"
        check_whole(platform, before, "")
        platform.tenantry("move", "mover", "--rollback")
        assert home(platform, "mover") == start, point
        check_at_rest(platform, before, neighbour)
    assert killed_at(platform, f"after {ROWS}:copy", 1, "move", "mover", "--to", other(platform))
    platform.tenantry("move", "mover", "--rollback")
    assert home(platform, "mover") == start
    check_at_rest(platform, before, neighbour)


def test_killed_at_random_moments(platform):
    """Five moves killed anywhere, the engine's runs among it; a plain run of both stacks comes before the move goes on."""
    before, neighbour = contents(platform, "mover"), contents(platform, "still")
    chance = random.Random(SEED)  # noqa: S311
    for _ in range(5):
        target = other(platform)
        process = platform.start("move", "mover", "--to", target)
        end = time.monotonic() + chance.uniform(2, 20)
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        platform.kill(process)
        check_whole(platform, before, target)
        platform.tenantry("up", "--all", "--refresh", check=False)
        check_whole(platform, before, target)
        if home(platform, "mover")[0] != target:
            platform.tenantry("move", "mover", "--to", target)
        else:
            platform.tenantry("move", "mover")
        platform.tenantry("move", "mover", "--finish")
        check_at_rest(platform, before, neighbour)
