"""The Django example, by the words of its page: its own migrations make the tables, and requests go on whatever is done to a tenant."""

from __future__ import annotations

from collections import Counter

import pytest

from local.home import CLONE
from tests.engine.examples import Visitors, by_its_page

pytestmark = pytest.mark.engine

MODELS = {"florist": "rls", "bakery": "schema"}
PAGE = CLONE / "examples" / "django" / "README.md"


def test_the_django_example_serves_its_tenants_whatever_is_done_to_one(sandbox):
    """By its page's words; while its tenant moves, is shut and opened and restored, it meets nothing but 503 to be tried again;
    when its password is renewed, nothing."""
    with by_its_page(PAGE, sandbox, MODELS) as (told, life):
        assert [[project["name"] for project in projects] for projects in told[3::4]] == [[slug] for slug in MODELS]
        florist, bakery = (Visitors(sandbox.environment["PORT"], slug, f"/projects/{slug}/tasks") for slug in MODELS)
        assert [task["title"] for task in bakery.client.get("/projects/bakery/tasks").json()] == ["open the door"]
        assert bakery.client.get("/projects/florist/tasks").status_code == 404
        assert bakery.client.get("/", headers={"Host": "nobody.tenantry.example"}).status_code == 404
        kept = 0
        with florist, bakery:
            for what in life.lived(bakery):
                if what == "move":
                    assert bakery.client.get("/").json()["model"] == "rls"
                    assert (written := set(bakery.kept[kept:]))
                if what == "credentials":
                    # As a day later: whoever still came with the former password would be refused from here on.
                    with sandbox.sql() as admin:
                        admin.execute("ALTER ROLE cell_main__app PASSWORD NULL")
                kept = len(bakery.kept)
        assert florist.refused(0) == Counter()
        assert len(florist.kept) > 100
        assert written <= {task["title"] for task in bakery.client.get("/projects/bakery/tasks").json()}
