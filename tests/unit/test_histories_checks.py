"""The random histories' own tests: what they hold to be possible, that their checks can fail, that they are the same each time."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import replace

import pytest

from tests.driving.observing import Observed, Role
from tests.histories import choosing, model, script, telling
from tests.histories.acts import Change, Job, Merge, Typed
from tests.histories.model import UNKNOWN, Checkout, File, World
from tests.histories.repositories import Repositories
from tests.histories.telling import Books


def commit(number, state="active", content="one"):
    """Commit of one line of history; ``state`` None: without the tenant's file."""
    return Checkout(str(number), {"yew": File(state, content)} if state else {})


def contains(one, other):
    return int(one) <= int(other)


def at(number, state="active", base="active", content="one"):
    """A state that no file has said is a command's."""
    return World(state, str(number), base, content, heard=state == base)


@pytest.mark.parametrize(
    ("world", "run_of", "becomes"),
    [
        pytest.param(UNKNOWN, commit(1), at(1), id="new"),
        pytest.param(at(1), commit(2, content="two"), at(2, content="two"), id="newer"),
        pytest.param(at(2, content="two"), commit(1), at(2, content="two"), id="older"),
        pytest.param(at(1, "suspended"), commit(2), at(2, "suspended"), id="unaware"),
        pytest.param(at(1, "suspended"), commit(2, "suspended"), at(2, "suspended", "suspended"), id="line merged"),
        pytest.param(at(1, "suspended", "suspended"), commit(2), at(2), id="meant"),
        pytest.param(at(2, "suspended", "suspended"), commit(1), at(2, "suspended", "suspended"), id="older, and would let in"),
        pytest.param(at(1, "offboarding"), commit(2, "suspended", "two"), at(2, "offboarding", content="two"), id="both"),
        pytest.param(at(1), commit(2, None), at(1), id="file gone"),
        pytest.param(at(1, "deleted"), commit(2, content="two"), at(1, "deleted"), id="deleted"),
    ],
)
def test_what_a_run_makes_of_a_tenant(world, run_of, becomes):
    assert model.run("yew", world, run_of, contains) == becomes
    assert model.run("yew", becomes, run_of, contains) == becomes, "once more changes nothing"


def test_all_that_runs_in_any_order_can_come_to():
    """A command's line is merged, and taken back on purpose: whoever runs both in turn lets in, whoever runs only the last does not."""
    worlds = model.reached("yew", {at(1, "suspended")}, [commit(2, "suspended"), commit(3)], contains)
    assert {(world.state, world.commit) for world in worlds} == {
        ("suspended", "1"),
        ("suspended", "2"),
        ("active", "3"),
        ("suspended", "3"),
    }
    assert model.reached("yew", {at(1, "suspended")}, [commit(3)], contains) == {at(1, "suspended"), at(3, "suspended")}


def test_called_done_is_only_what_is_left_as_it_is_by_the_same_once_more():
    worlds = model.reached("yew", {at(1)}, [commit(2, content="two")], contains)
    assert model.settled("yew", worlds, commit(2, content="two"), contains) == {at(2, content="two")}


def test_who_has_to_be_refused():
    for world, run_of, refused in (
        (at(1, "offboarding"), commit(2, "suspended"), True),
        (at(1, "suspended"), commit(2), False),
        (at(2, content="two"), commit(1), True),
        (at(2), commit(1), False),
        (at(1), commit(2, None), True),
        (UNKNOWN, commit(2, None), False),
    ):
        assert model.refused("yew", world, run_of, contains) is refused


SEEN = Observed(
    roles={"t_yew__app": Role(False, 5)}, databases=frozenset(), tables={}, rows={"yew": {"app_role": "t_yew__app"}}, hosts={},
    configuration={}, marked=frozenset(), objects={}, hostnames=Counter(), records={}, log_ins=frozenset(),
)  # fmt: skip
WELCOMED = Counter({"invitation": 1, "mail invitation": 1, "mail welcome_day_2": 1})
BOOKS = Books({"yew": "suspended"}, frozenset(), {"yew": WELCOMED}, 0, 0)


def test_what_is_as_it_can_be_has_no_fault():
    assert list(telling.let_in("yew", {at(1, "suspended")}, BOOKS, SEEN)) == []
    assert list(telling.welcomed(BOOKS, ())) == []


@pytest.mark.parametrize(
    ("state", "books", "seen", "found"),
    [
        ("suspended", replace(BOOKS, states={"yew": "active"}), SEEN, "yew is active in the registry, and can only be suspended"),
        ("suspended", BOOKS, replace(SEEN, roles={"t_yew__app": Role(True, 5)}), "t_yew__app may log in, and yew is suspended"),
        ("offboarding", replace(BOOKS, states={"yew": "offboarding"}), SEEN, "yew is being off-boarded, and its hold is gone"),
    ],
)
def test_whoever_is_let_in_is_found(state, books, seen, found):
    assert list(telling.let_in("yew", {at(1, state)}, books, seen)) == [found]


def test_whoever_is_welcomed_twice_or_was_there_before_is_found():
    twice = replace(BOOKS, welcomes={"yew": WELCOMED + Counter({"mail welcome_day_2": 1})})
    assert list(telling.welcomed(twice, ())) == ["yew has 2 of mail welcome_day_2"]
    assert list(telling.unwelcomed(BOOKS, ("yew", "new1a"))) == ["new1a is new, and nobody has welcomed it"]
    assert list(telling.welcomed(BOOKS, {"yew"})) == ["yew was there before, and 2 mails welcome it"]


def test_histories_are_the_same_each_time_and_have_every_kind_of_act():
    numbers = range(200)
    histories = [choosing.history(number) for number in numbers]
    assert histories == [choosing.history(number) for number in numbers]
    kinds = Counter(type(act).__name__ for history in histories for act in history)
    assert set(kinds) == {"Merge", "Revert", "Job", "Typed", "MergeLine", "Overlap", "Workers"}
    assert min(kinds.values()) > 10, kinds
    lengths = {len(history) for history in histories}
    assert (min(lengths), max(lengths)) == (3, 8), "what overlaps has a merge of its own before it"
    fates = Counter(type(act.fate).__name__ for history in histories for act in history if isinstance(act, Job | Typed))
    assert min(fates["Killed"], fates["Away"]) >= 10, fates


def test_a_clone_has_its_commit_and_none_that_came_later(tmp_path):
    (tmp_path / "defaults").mkdir()
    (tmp_path / "defaults" / "starter.yaml").write_text("isolation: rls\n")
    repositories = Repositories(tmp_path / "git")
    repositories.make({"yew.yaml": "name: Yew\n"}, tmp_path / "defaults")
    repositories.write("yew.yaml", "name: Another\n")
    assert repositories.commit("Change")
    assert not repositories.commit("Nothing")
    repositories.git("author", "push", "-q", "origin", "main")
    first = repositories.have("one", 1)
    newest = repositories.have("pipeline")
    assert first != newest
    assert (repositories.tenants("one") / "yew.yaml").read_text() == "name: Yew\n"
    assert (repositories.tenants("pipeline") / "yew.yaml").read_text() == "name: Another\n"
    there = subprocess.run(["git", "-C", tmp_path / "git" / "one", "cat-file", "-e", newest], capture_output=True, check=False)
    assert there.returncode != 0
    assert repositories.contains(first, newest)
    assert not repositories.contains(newest, first)


def test_every_history_is_a_script():
    """As bash reads it."""
    lines = ["", "# a job", "have pipeline main~1", "at pipeline killed_at 'after a:b' 2 tenantry provision --pending", "wait"]
    text = script.of("A history.", ["rm -f x"], ["pipeline"], lines)
    assert subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False).stderr == ""


def test_an_act_says_what_it_is():
    """As it stands in a script, in one line."""
    for act in (Merge((Change("yew.yaml", "name", "A\nB"),)), Job(), Typed("suspend", "yew")):
        assert "\n" not in f"# {act}"
