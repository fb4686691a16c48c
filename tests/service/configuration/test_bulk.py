"""One key of many tenants: chosen, previewed, applied cell by cell, stopped at a surprise, resumed, undone exactly."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import configuration_bulk, configuration_undo, runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.errors import InputError, WorkError
from tenantry.operations import configure, configure_bulk
from tenantry.work.step import Run

from .conftest import DECLARED, content, declare

pytestmark = pytest.mark.service

KEY = "limits.users"


@pytest.fixture
def fleet(make):
    """Four starters over two cells, a business tenant, and one of each state that a change leaves alone."""
    make("acme", labels={"region": "eu"})
    make("birch")
    make("fjord", cell="eu1")
    make("gale", cell="eu1", state="suspended")
    make("delta", tier="business", rows={**DECLARED, KEY: 100})
    make("gone", state="offboarding")
    configure.put("birch", KEY, 12, editor="platform", actor=Actor("ada"))


def previewed(value=25, **asked):
    return configure_bulk.preview(KEY, value, configure_bulk.select(**asked))


def begin(preview):
    """The run as a worker would have it, with a row in the journal but without the queue."""
    arguments = {
        "key": preview.key, "value": preview.value, "selection": preview.selection.as_json(), "parts": configure_bulk.parts(preview),
        "seen_at": preview.seen_at.isoformat(),
    }  # fmt: skip
    with transaction() as connection:
        run_id = runs.request(connection, runs.Request("config-bulk", "test", arguments=arguments, actor=Actor("grace")))["id"]
    row = runs_at_work.claim(run_id, "worker")
    assert row is not None
    return Run.of(row, "worker")


def work(run, parts=slice(None)):
    told = [step.work(run) for step in configure_bulk.BULK.steps(run)[parts]]
    end(run)
    return told


def end(run):
    with transaction() as connection:
        connection.execute("UPDATE runs SET state = 'done' WHERE id = %s", [run.id])


def undo(run, **options):
    undoing = uuid4()
    return undoing, configuration_undo.undo(run.id, undoing, skip_changed=options.get("skip_changed", False), actor="grace")


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ({}, ["acme", "birch", "delta", "fjord", "gale"]),
        ({"tiers": ["starter"]}, ["acme", "birch", "fjord", "gale"]),
        ({"tiers": ["starter", "business"], "cells": ["main"]}, ["acme", "birch", "delta"]),
        ({"labels": {"region": "eu"}}, ["acme"]),
        ({"labels": {"region": "us"}}, []),
        ({"where": {KEY: "12"}}, ["birch"]),
        ({"where": {KEY: "10", "features.reports": "false"}, "states": ["active"]}, ["acme", "fjord"]),
        ({"where": {"theme.font": "system-ui"}, "slugs": ["acme", "birch"]}, ["acme", "birch"]),
        ({"where": {"theme.font": "Inter"}}, []),
        ({"states": ["offboarding"]}, ["gone"]),
    ],
)
def test_a_selection_chooses_those_that_meet_every_condition(fleet, asked, chosen):
    """Tier, cell, label, value in force (a default too), state, slug."""
    assert sorted(change.slug for change in previewed(**asked).tenants) == chosen


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"tiers": ["startr"]}, "no tenant has the tier"),
        ({"cells": ["eu9"]}, "no tenant has the cell"),
        ({"slugs": ["acne"]}, "no tenant acne"),
        ({"where": {"limits.usres": "1"}}, "no configuration key"),
        ({"where": {KEY: "x"}}, "whole number"),
    ],
)
def test_a_condition_that_nothing_can_meet_is_a_mistake(fleet, asked, message):
    """Not an empty selection: the nearest name is offered."""
    with pytest.raises(InputError, match=message):
        previewed(**asked)


def test_a_preview_changes_nothing_and_shows_everything(fleet):
    """Each tenant's value and source before and after, counted by cell; what has the value is not a change."""
    before = content()
    preview = previewed(12, tiers=["starter"])
    assert [(c.slug, c.old, c.old_source, c.new, c.source) for c in preview.changes] == [
        ("fjord", 10, "declaration", 12, "runtime"), ("gale", 10, "declaration", 12, "runtime"), ("acme", 10, "declaration", 12, "runtime"),
    ]  # fmt: skip
    assert preview.cells == {"eu1": 2, "main": 1}
    assert content() == before
    assert preview.plan == previewed(12, tiers=["starter"]).plan != previewed(12).plan


def test_a_change_is_applied_cell_by_cell_and_undone_exactly(fleet):
    """Values and sources of the whole table are what they were, those set at runtime before too; undoing the undo does it again."""
    done = {("acme", KEY): (25, "runtime"), ("birch", KEY): (25, "runtime"), ("delta", KEY): (25, "runtime"),
                ("fjord", KEY): (25, "runtime"), ("gale", KEY): (25, "runtime")}  # fmt: skip
    before = content()
    run = begin(previewed())
    assert work(run) == ["2 tenants changed", "3 tenants changed"]
    assert content() == {**before, **done}
    assert configure.history("acme", KEY)[0].run_id == run.id
    undoing, count = undo(run)
    assert count == 5
    assert content() == before
    with pytest.raises(InputError, match=f"was undone by run {undoing}"):
        undo(run)
    again = uuid4()
    assert configuration_undo.undo(undoing, again, skip_changed=False, actor="grace") == 5
    assert content() == {**before, **done}


def test_rows_that_were_not_there_go(make):
    """A key that nobody declared: undone, there is no row again."""
    for slug in ("acme", "birch"):
        make(slug)
    before = content()
    run = begin(configure_bulk.preview("legal.terms", "https://x.example/terms", configure_bulk.select()))
    work(run)
    assert len(content()) == len(before) + 2
    undo(run)
    assert content() == before


def test_a_value_that_some_declare_is_an_override_for_the_others_only(fleet):
    """Set to what a tenant's file says, its row stays declared."""
    work(begin(previewed(100)))
    now = content()
    assert now["delta", KEY] == (100, "declaration")
    assert now["acme", KEY] == (100, "runtime")


@pytest.mark.parametrize(
    "surprise",
    [
        lambda: configure.put("acme", KEY, 11, editor="platform", actor=Actor("bob")),
        lambda: declare("acme", {**DECLARED, KEY: 25}),
        lambda: declare("acme", {key: value for key, value in DECLARED.items() if key != KEY}),
    ],
)
def test_a_surprise_stops_the_run_before_its_cell_is_touched(fleet, surprise):
    """What changed since the preview is named; the cells before it are done and can be undone."""
    before = content()
    run = begin(previewed())
    surprise()
    changed = content()
    steps = configure_bulk.BULK.steps(run)
    assert steps[0].work(run) == "2 tenants changed"
    with pytest.raises(WorkError, match=r"cell main is not as it was in the preview of limits.users: acme") as caught:
        steps[1].work(run)
    assert f"config undo {run.id}" in caught.value.hint
    assert {key: row for key, row in content().items() if key[0] not in ("fjord", "gale")} == {
        key: row for key, row in changed.items() if key[0] not in ("fjord", "gale")
    }
    end(run)
    undo(run)
    assert content() == changed
    assert before != changed


def test_a_tenant_that_came_into_the_selection_is_a_surprise(fleet, make):
    """Nobody saw it in the preview."""
    run = begin(previewed(tiers=["starter"]))
    make("newone")
    with pytest.raises(WorkError, match="newone"):
        configure_bulk.BULK.steps(run)[1].work(run)


def test_a_change_at_the_same_moment_fails_the_cell_instead_of_being_lost(fleet, monkeypatch):
    """A row changed after the part looked at it and before it wrote: the database refuses, nothing is overwritten."""
    run = begin(previewed())
    compared = configuration_bulk.digest

    def and_then_somebody_writes(changes):
        configure.put("acme", KEY, 11, editor="platform", actor=Actor("bob"))
        return compared(changes)

    monkeypatch.setattr(configuration_bulk, "digest", and_then_somebody_writes)
    with pytest.raises(psycopg.errors.SerializationFailure):
        configure_bulk.BULK.steps(run)[1].work(run)
    assert content()["acme", KEY] == (11, "runtime")
    assert content()["birch", KEY] == (12, "runtime")


def test_a_part_that_was_done_is_not_done_again(fleet):
    """Killed between the commit and the journal's line: the next attempt finds it, and does not undo what was changed since."""
    run = begin(previewed())
    work(run)
    configure.put("acme", KEY, 77, editor="platform", actor=Actor("bob"))
    assert work(run) == ["2 tenants changed", "3 tenants changed"]
    assert content()["acme", KEY] == (77, "runtime")


def test_a_run_that_was_undone_halfway_cannot_go_on(fleet):
    """Resuming it would change the cells that were never seen again."""
    run = begin(previewed())
    work(run, slice(1))
    undo(run)
    with pytest.raises(WorkError, match="was undone"):
        work(run)


@pytest.mark.parametrize(
    "change",
    [
        lambda: configure.put("acme", KEY, 30, editor="platform", actor=Actor("bob")),
        lambda: configure.take_back("acme", KEY, editor="platform", actor=Actor("bob")),
        lambda: (
            configure.put("acme", KEY, 30, editor="platform", actor=Actor("bob")),
            configure.put("acme", KEY, 25, editor="platform", actor=Actor("bob")),
        ),
        lambda: declare("acme", {**DECLARED, KEY: 30}),
    ],
)
def test_an_undo_does_not_overwrite_what_was_changed_since(fleet, change):
    """It names the rows and does nothing; told to skip them, it undoes the others."""
    before = content()
    run = begin(previewed())
    work(run)
    change()
    now = content()
    with pytest.raises(WorkError, match=r"1 of 5 rows were changed since: acme limits.users") as caught:
        undo(run)
    assert "--skip-changed" in caught.value.hint
    assert content() == now
    assert undo(run, skip_changed=True)[1] == 4
    assert content() == {**before, ("acme", KEY): now["acme", KEY]}


def test_an_undo_is_refused_for_what_is_no_finished_change(fleet):
    """An unknown run, one that changed nothing, one under way."""
    with pytest.raises(InputError, match="is not known"):
        configure_bulk.undo_preview(uuid4())
    run = begin(previewed())
    with pytest.raises(InputError, match="is running"):
        configure_bulk.undo_preview(run.id)
    end(run)
    with pytest.raises(InputError, match="changed no configuration"):
        configure_bulk.undo_preview(run.id)


def test_an_undo_that_was_killed_after_its_commit_is_not_done_twice(fleet):
    """The same run of it finds that it is done."""
    run = begin(previewed())
    work(run)
    undoing, _ = undo(run)
    assert configuration_undo.undo(run.id, undoing, skip_changed=False, actor="grace") is None


def test_a_thousand_tenants_go_and_come_back(make):
    """One statement's history holds every row, and undone the whole table is what it was."""
    slugs = [f"t{number:04}" for number in range(1000)]
    make("acme")
    with transaction() as connection:
        connection.cursor().executemany(
            "INSERT INTO tenants SELECT (%s::uuid), %s, name, tier, isolation, %s, stack, state, %s, server, database, schema, app_role,"
            " bucket, prefix, limits, labels FROM tenants WHERE slug = 'acme'",
            [(naming.tenant_id(slug), slug, f"c{number % 3}", f"{slug}.x.example") for number, slug in enumerate(slugs)],
        )
        connection.execute(
            "INSERT INTO tenant_configurations (tenant_id, config_key, config_value, declared_value)"
            " SELECT id, %s, to_jsonb(n), to_jsonb(n) FROM (SELECT id, row_number() OVER (ORDER BY slug) AS n FROM tenants"
            " WHERE slug LIKE 't0%%') AS numbered",
            [KEY],
        )
    before = content()
    run = begin(previewed(25))
    # One has the value already; acme itself is in a cell of its own.
    assert sum(int(told.split()[0].replace(",", "")) for told in work(run)) == 1000
    assert {row for key, row in content().items() if key[1] == KEY} <= {(25, "runtime"), (25, "declaration")}
    undo(run)
    assert content() == before
