"""Clones between every pair of isolation models: nothing of a person crosses, everything else holds together."""

from __future__ import annotations

import datetime as dt
import re
from itertools import product

import pytest

from tenantry.operations.clone import classification, plan
from tenantry.operations.clone import fill as filling
from tenantry.operations.clone.key import Key
from tenantry.stores.tenant_store import TenantStore
from tests.engine import cloning
from tests.environment import entered

pytestmark = pytest.mark.engine

MODELS = ("rls", "schema", "database", "instance")
TABLES = ("people", "letters", "users", "user_settings", "documents", "sessions", "webhooks")


@pytest.fixture(scope="module")
def platform(sandbox):
    for model, role in product(MODELS, ("from", "to")):
        sandbox.declare(f"{role}-{model}", isolation=model, tier="enterprise" if model in ("database", "instance") else "starter")
    sandbox.declare("bystander", isolation="rls")
    sandbox.up()
    with entered(sandbox.environment):
        yield sandbox


@pytest.fixture(scope="module")
def canaries(platform):
    """The tables in every store; canaries in the sources and in the bystander."""
    for model, role in product(MODELS, ("from", "to")):
        if (model, role) != ("rls", "to"):  # the same tables as the source's
            cloning.make_tables(TenantStore.of(f"{role}-{model}"))
    cloning.fill(TenantStore.of("bystander"))
    return {model: cloning.fill(TenantStore.of(f"from-{model}")) for model in MODELS}


@pytest.fixture
def clone(tmp_path):
    def work(source: str, target: str, salt: str = "one") -> dict[str, int]:
        origin = TenantStore.of(source)
        content = classification.read(cloning.classification(tmp_path, ""))
        made = plan.make(filling.shape(origin), content)
        return filling.fill(origin, TenantStore.of(target), made, Key.of(source, salt), lambda line: None)

    return work


@pytest.mark.parametrize(("source", "target"), list(product(MODELS, MODELS)))
def test_no_canary_crosses(canaries, clone, source, target):
    """Of 500 planted texts none is in the clone's dump; every row is there; references and unique columns hold; the guard is back."""
    origin, into, bystander = (TenantStore.of(slug) for slug in (f"from-{source}", f"to-{target}", "bystander"))
    before = cloning.structure(into), cloning.dump(origin), cloning.dump(bystander)
    assert len(cloning.found(canaries[source], before[1])) > cloning.CANARIES, "the search finds them where they are"

    counts = clone(origin.slug, into.slug)

    assert counts == {"people": 50, "letters": 50, "users": 50, "user_settings": 50, "documents": 50}
    assert cloning.found(canaries[source], cloning.dump(into)) == []
    assert cloning.violations(into) == 0
    assert (cloning.structure(into), cloning.dump(origin), cloning.dump(bystander)) == before
    assert {table: len(cloning.rows(into, table)) for table in TABLES} == {**counts, "sessions": 0, "webhooks": 0}
    with into.acting(into.app_role) as connection:
        assert connection.execute(
            "SELECT count(DISTINCT email), count(DISTINCT lower(nick)), count(DISTINCT reference), count(DISTINCT id) FROM people"
        ).fetchone() == (50, 50, 50, 50)
        # The tables take the application's writes, and give out numbers that no copied row has.
        connection.execute("INSERT INTO people (tenant_id, email, nick, name) VALUES (%s, 'a@b.example', 'new', 'New')", [into.id])
        connection.execute("DELETE FROM people WHERE nick = 'new'")


def test_the_same_salt_gives_the_same_clone(canaries, clone):
    """By salt, in another model as well; another salt shares no replaced value with it."""
    clone("from-schema", "to-schema", "one")
    clone("from-schema", "to-database", "one")
    one, again = ({table: cloning.rows(TenantStore.of(slug), table) for table in TABLES} for slug in ("to-schema", "to-database"))
    assert one == again
    clone("from-schema", "to-database", "two")
    other = {table: cloning.rows(TenantStore.of("to-database"), table) for table in TABLES}
    assert {row[2] for row in one["people"]}.isdisjoint(row[2] for row in other["people"])
    assert {row[0] for row in one["users"]}.isdisjoint(row[0] for row in other["users"])


def test_values_keep_their_form(canaries, clone):
    """Addresses are undeliverable, formats and lengths stay, dates move together by whole weeks, JSON keeps its shape."""
    clone("from-database", "to-schema")
    origin, into = TenantStore.of("from-database"), TenantStore.of("to-schema")
    query = """
        SELECT points, email, nick, phone, iban, mood::text, token, born, seen, lower(stays), days::text[], days[1], notes, tags, profile,
               legacy, events, picture, digest, parts, address_ip, upper_nick, name FROM people ORDER BY points
    """
    with origin.acting(origin.app_role) as connection:
        real = connection.execute(query).fetchall()
    with into.acting(into.app_role) as connection:
        made = connection.execute(query).fetchall()
    shifts = set()
    for was, row in zip(real, made, strict=True):
        points, email, nick, phone, iban, mood, token, born, seen, stays, days, day, notes, tags, profile, legacy, events, *rest = row
        picture, digest, parts, address, upper_nick, name = rest
        assert (points, mood, token, picture, address) == (was[0], was[5], None, None, None)
        assert re.fullmatch(r"user-[0-9a-f]{24}@clone\.invalid", email)
        assert re.fullmatch(r"\+999\d{11}", phone)
        assert re.fullmatch(r"[A-Z]{2}\d{15} *", iban)
        assert re.fullmatch(r"\S.* [0-9a-f]{16}", nick)
        assert upper_nick == nick.upper()
        assert 3 < len(name) <= 40
        assert len(notes) == len(was[12])
        assert [tag if tag is None else len(tag) for tag in tags] == [tag if tag is None else len(tag) for tag in was[13]]
        assert profile.keys() >= {"since", "tags", "level"}
        assert profile["level"] == was[14]["level"]
        assert len(profile) == len(was[14])
        assert [type(value) for value in profile["tags"]] == [str, dict]
        assert (type(legacy[0]), len(events), len(digest), len(parts), parts[1]) == (str, 2, 32, 2, None)
        assert days[1] is None
        assert days[2] == "infinity"
        shifts |= {born - was[7], seen - was[8], stays - was[9], day - was[11]}
    (shift,) = shifts
    assert shift < dt.timedelta(weeks=-3)
    assert shift % dt.timedelta(weeks=1) == dt.timedelta(0)


def test_a_rule_that_cannot_hold_leaves_the_clone_as_it_was(canaries, clone, tmp_path):
    """What only the copy finds (here a check) names the constraint, and nothing of the new rows stays."""
    from tenantry.errors import WorkError

    clone("from-schema", "to-database", "one")
    into = TenantStore.of("to-database")
    before = cloning.structure(into), cloning.dump(into)
    with into.acting(into.owner) as connection:
        connection.execute("ALTER TABLE letters ADD CONSTRAINT short CHECK (length(body) < 3) NOT VALID")
    try:
        with pytest.raises(WorkError, match=r"breaks short of letters"):
            clone("from-schema", "to-database", "two")
    finally:
        with into.acting(into.owner) as connection:
            connection.execute("ALTER TABLE letters DROP CONSTRAINT short")
    assert (cloning.structure(into), cloning.dump(into)) == before
