"""A platform whose tenants' tables a Django project makes: the engine's runs and roll-outs, in all four models."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.engine.conftest import CLONE
from tests.service.own_tools.projects import DJANGO, Project

pytestmark = pytest.mark.engine

SLUGS = ("ash", "birch", "cedar", "elm")


def test_every_model_is_made_and_migrated_by_the_application_s_own_tool(empty_sandbox, tmp_path):
    """None of the sample's tables is anywhere; a roll-out leaves the next `up` only to write it down; a new tenant is at the head."""
    sandbox, root = empty_sandbox, tmp_path / "migrations"
    shutil.copytree(CLONE / "migrations", root, ignore=shutil.ignore_patterns("__pycache__"))
    project = Project.in_place(DJANGO, root, tmp_path / "project")
    sandbox.extra["TENANTRY_MIGRATIONS"] = str(root)
    for slug, isolation in zip(SLUGS, ("rls", "schema", "database", "instance"), strict=True):
        sandbox.declare(slug, isolation=isolation)
    sandbox.up()
    for slug in SLUGS:
        with sandbox.as_tenant(slug) as application:
            application.execute(DJANGO.insert, {"text": f"of {slug}"})
            assert application.execute("SELECT email FROM shop_customer").fetchall() == [(f"of {slug}",)]
            assert application.execute("SELECT to_regclass('users'), to_regclass('documents')").fetchone() == (None, None)

    project.advance()
    done = json.loads(sandbox.tenantry("migrate", "--json").stdout)
    assert (done["state"], done["migrated"]) == ("done", 4)
    assert "nothing to do: 4 at" in sandbox.tenantry("migrate").stderr
    for slug in SLUGS:
        with sandbox.as_tenant(slug) as application:
            assert application.execute("SELECT phone FROM shop_customer").fetchall() == [(f"none of of {slug}",)]
    sandbox.declare("dogwood", isolation="database")
    changes = sandbox.up()
    assert changes["cedar"] == changes["elm"] == {"change": 1}
    assert sandbox.up("--all", "--refresh") == {"shared": {}, "cedar": {}, "dogwood": {}, "elm": {}}
    with sandbox.as_tenant("dogwood") as application:
        assert application.execute("SELECT count(*) FROM shop_note").fetchone() == (0,)
    assert "at" in sandbox.tenantry("migrate", "--check").stdout
