"""The FastAPI example, by the words of its page: tenants of all four models, and requests that go on whatever is done to one."""

from __future__ import annotations

from collections import Counter

import pytest

from local.home import CLONE
from tests.engine.examples import Visitors, by_its_page

pytestmark = pytest.mark.engine

MODELS = {"florist": "rls", "bakery": "schema", "brewery": "database", "cinema": "instance"}
PAGE = CLONE / "examples" / "fastapi" / "README.md"
TASKS = "/projects/1/tasks"


def test_the_fastapi_example_serves_all_four_models_whatever_is_done_to_one(sandbox):
    """By its page's words; while its tenant moves, is shut and opened and restored, it meets nothing but 503 to be tried again, and nothing
    at all while its password is renewed."""
    with by_its_page(PAGE, sandbox, MODELS) as (told, life):
        assert [[project["name"] for project in projects] for projects in told[3::4]] == [[f"of {slug}"] for slug in MODELS]
        bakery, brewery = (Visitors(sandbox.environment["PORT"], slug, TASKS) for slug in ("bakery", "brewery"))
        assert bakery.client.get("/report").json() == {"of bakery": 1}
        assert bakery.client.get("/", headers={"Host": "nobody.tenantry.example"}).status_code == 404
        kept = 0
        with bakery, brewery:
            for what in life.lived(bakery):
                if what == "config":
                    assert bakery.client.get("/report").status_code == 403
                if what == "move":
                    assert bakery.client.get("/").json()["model"] == "database"
                    assert (written := set(bakery.kept[kept:]))
                kept = len(bakery.kept)
        assert brewery.refused(0) == Counter()
        assert len(brewery.kept) > 100
    with sandbox.as_tenant("bakery") as connection:
        assert written <= {title for (title,) in connection.execute("SELECT title FROM tasks").fetchall()}
