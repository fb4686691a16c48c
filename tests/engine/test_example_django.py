"""The Django example, by the words of its page: its own migrations make the tables, and requests go on whatever is done to a tenant."""

from __future__ import annotations

from collections import Counter

import pytest

from local.home import CLONE
from tests import programs, readme
from tests.engine.examples import BEGIN, Visitors, answers, cloned, lived, served

pytestmark = pytest.mark.engine

MODELS = {"florist": "rls", "bakery": "schema"}
PAGE = CLONE / "examples" / "django" / "README.md"


def test_the_django_example_serves_its_tenants_whatever_is_done_to_one(sandbox):
    """By its page's words; while its tenant moves, is shut and opened and restored, it meets nothing but 503 to be tried again;
    when its password is renewed, nothing."""
    programs.find("curl", package="curl")
    clone = cloned(sandbox)
    tables, tenants, serve, ask, life = readme.blocks(PAGE)
    readme.run(tables, clone, sandbox.environment)
    readme.run(BEGIN + tenants, clone, sandbox.environment)
    with served(serve, clone, sandbox.environment):
        told = answers(readme.run(ask, clone, sandbox.environment))
        assert {answer["tenant"]: answer["model"] for answer in told[::4]} == MODELS
        assert [[project["name"] for project in projects] for projects in told[3::4]] == [[slug] for slug in MODELS]
        florist, bakery = (Visitors(sandbox.environment["PORT"], slug, f"/projects/{slug}/tasks") for slug in MODELS)
        assert [task["title"] for task in bakery.client.get("/projects/bakery/tasks").json()] == ["open the door"]
        assert bakery.client.get("/projects/florist/tasks").status_code == 404
        assert bakery.client.get("/", headers={"Host": "nobody.tenantry.example"}).status_code == 404
        for visitors in (florist, bakery):
            visitors.start()
        kept = 0
        for what in lived(life, bakery, clone, sandbox.environment):
            if what == "move":
                assert bakery.client.get("/").json()["model"] == "rls"
                assert (written := set(bakery.kept[kept:]))
            if what == "credentials":
                # As a day later: whoever still came with the former password would be refused from here on.
                with sandbox.sql() as admin:
                    admin.execute("ALTER ROLE cell_main__app PASSWORD NULL")
            kept = len(bakery.kept)
        for visitors in (florist, bakery):
            visitors.end()
        assert florist.refused(0) == Counter()
        assert len(florist.kept) > 100
        assert written <= {task["title"] for task in bakery.client.get("/projects/bakery/tasks").json()}
