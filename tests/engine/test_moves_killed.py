"""A move killed at every point that matters, and at random: it ends in the old place or the new one, with every row in one of them."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess

import pytest

from tests.engine.moving import contents, fill, home, places_with_rows, turnstiles
from tests.engine.test_killed_runs import check_nothing_is_double_or_left
from tests.killing import killed_at
from tests.volume import volume

pytestmark = pytest.mark.engine

SEED = 20261125
MOVES, PASSING, TRANSFER = "tenantry.control.moves", "tenantry.operations.move.passing", "tenantry.operations.move.transfer"
TURNSTILE, ROWS, LEDGER = "tenantry.stores.turnstile", "tenantry.stores.rows", "tenantry.control.ledger"
ENGINE = "tenantry.engine.automation"

# Point and number of the call, in the order in which one run comes to them. A run that goes on calls nothing again that was done before, so
# each counts from there. The engine's runs are: to prepare, at the new home, at the old one.
POINTS = (
    (f"before {MOVES}:begin", 1),
    (f"after {LEDGER}:mark_moving", 1),
    (f"before {PASSING}:_up", 1),
    (f"after {ENGINE}:up", 1),
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
    (f"before {PASSING}:_up", 1),
    (f"after {ENGINE}:up", 1),
    (f"after {PASSING}:hand_over", 1),
)
CLEAN_UP = (
    (f"after {MOVES}:advance", 1),
    (f"after {PASSING}:_up", 1),
    (f"after {MOVES}:advance", 1),
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
# A run that goes on after the switch does not come to the next point of the switch itself. In `make test` it is a point of test_moves.py,
# where a move is taken back.
LEFT_OUT = (f"before {MOVES}:measured", 1)


def alone(points):
    """Each point for a run of its own, which makes the calls that the points before it have counted."""
    names = [name for name, _ in points]
    return [[(name, call + names[:number].count(name))] for number, (name, call) in enumerate(points)]


# One move each: where it is killed on its way, how it ends, and where that is killed. In turn, each direction has every second point, as it
# is with moves of one point each that go there and back by turns; the last point is left out, after which both of the engine's runs only
# find nothing to do.
IN_TURN = (
    (POINTS[:-1:2], "--finish", CLEAN_UP),
    (POINTS[1:-1:2], "--rollback", [point for point in WAY_BACK if point != LEFT_OUT]),
)
ALONE = (
    *((points, "--finish", ()) for points in alone(POINTS)),
    *(((), "--finish", points) for points in alone(CLEAN_UP)),
    *(((), "--rollback", points) for points in alone(WAY_BACK)),
)


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.declare("mover", isolation="database", domains=["www.mover.example"])
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


def kill(platform, before, points, *command):
    """Kills the command at one point after the other: the next start goes on where the one before was."""
    for point, call in points:
        assert killed_at(platform, point, call, *command), f"not killed {point}"
        check_whole(platform, before, point)


@pytest.mark.volume
@pytest.mark.parametrize(("on_the_way", "ending", "at_the_end"), volume(IN_TURN, ALONE))
def test_killed_at_every_point(platform, on_the_way, ending, at_the_end):
    """From the first entry to the last run of the engine, and again while the old place goes or on the way back: it goes on and arrives.

    In `make test` one move is killed at one point after the other, else each point has a move of its own; there and back by turns.
    """
    before, neighbour = contents(platform, "mover"), contents(platform, "still")
    start, target = home(platform, "mover"), other(platform)
    there = ("move", "mover", "--to", target)
    kill(platform, before, on_the_way, *there)
    platform.tenantry(*(there[:2] if on_the_way else there))
    arrived = home(platform, "mover")
    assert arrived[0] == target
    check_whole(platform, before, target)
    kill(platform, before, at_the_end, "move", "mover", ending)
    platform.tenantry("move", "mover", ending)
    assert home(platform, "mover") == (arrived if ending == "--finish" else start)
    check_at_rest(platform, before, neighbour)


def test_killed_and_given_up_before_the_switch(platform):
    """A move whose copy is found to be unequal ends there, and rolled back it leaves nothing of the place that it had made."""
    before, neighbour = contents(platform, "mover"), contents(platform, "still")
    start, lived = home(platform, "mover"), places_with_rows(platform, "mover")
    assert killed_at(platform, f"before {TRANSFER}:catch_up", 1, "move", "mover", "--to", other(platform))
    (copy,) = places_with_rows(platform, "mover") - lived
    database, _, schema = copy.partition(".")
    with platform.sql(database) as admin:
        assert admin.execute(f"DELETE FROM {schema}.documents WHERE title LIKE 'f1%'").rowcount > 0
    failed = platform.tenantry("move", "mover", check=False)
    assert (failed.returncode, "nothing was switched" in failed.stderr) == (1, True)
    check_whole(platform, before, copy)
    platform.tenantry("move", "mover", "--rollback")
    assert json.loads(platform.tenantry("moves", "mover", "--json").stdout)[0]["outcome"] == "given up"
    assert home(platform, "mover") == start
    check_at_rest(platform, before, neighbour)


def test_killed_and_rolled_back_at_once(platform):
    """Nobody has to let a killed move arrive before it is taken back: it is given up where it was, and never switched."""
    before, neighbour = contents(platform, "mover"), contents(platform, "still")
    start = home(platform, "mover")
    assert killed_at(platform, f"after {ROWS}:copy", 1, "move", "mover", "--to", "rls")
    platform.tenantry("move", "mover", "--rollback")
    (last, *_) = json.loads(platform.tenantry("moves", "mover", "--json").stdout)
    assert (last["outcome"], last["switched_at"]) == ("given up", None)
    assert home(platform, "mover") == start
    check_at_rest(platform, before, neighbour)


@pytest.mark.volume
def test_killed_at_random_moments(platform):
    """Moves killed anywhere, the engine's runs among it; a plain run of both stacks comes before the move goes on."""
    before, neighbour = contents(platform, "mover"), contents(platform, "still")
    chance = random.Random(SEED)  # noqa: S311
    moves, kills = volume((1, 2), (12, 1))
    for _ in range(moves):
        target = other(platform)
        for _ in range(kills):
            process = platform.start("move", "mover", "--to", target)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(2, 10))
            platform.kill(process)
            check_whole(platform, before, target)
            platform.tenantry("up", "--all", "--refresh", check=False)
            check_whole(platform, before, target)
        platform.tenantry("move", "mover", *(["--to", target] if home(platform, "mover")[0] != target else []))
        platform.tenantry("move", "mover", "--finish")
        check_at_rest(platform, before, neighbour)
