"""Options that several commands share stand in one module, and slugs are completed without a server."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tenantry.commands import completion
from tenantry.errors import InputError

COMMANDS = Path(completion.__file__).parent


def test_shared_options_stand_in_one_module():
    """`--json`, `--detach` and a tenant's slug are declared in options.py alone."""
    own = re.compile(
        r"""Option\(\s*"--(json|detach)"|metavar="\[?SLUG(…)?\]?", help="(The|One) tenant|^(Json|Detach|Slug|MaybeSlug|Slugs) = """, re.M
    )
    found = {file.name for file in COMMANDS.glob("*.py") if own.search(file.read_text(encoding="utf-8"))}
    assert found == {"options.py", "cron.py"}, "cron.py has --tenant SLUG"


@pytest.fixture
def declared(tmp_path):
    (tmp_path / "defaults").mkdir()
    for name in ("acme.yaml", "acme-staging.yaml", "birch.yaml", "defaults/starter.yaml", "schema.json"):
        (tmp_path / name).write_text("{ not: yaml", encoding="utf-8")
    return tmp_path


def named(folder=None):
    return SimpleNamespace(find_root=lambda: SimpleNamespace(params={"tenants": str(folder) if folder else ""}))


def test_slugs_are_completed_from_the_names_of_files(declared, monkeypatch):
    """What stands in the files is not read: none of these is YAML."""
    monkeypatch.setenv("TENANTRY_TENANTS", str(declared))
    assert completion.slugs(named(), "a") == ["acme", "acme-staging"]
    assert completion.slugs(named(), "") == ["acme", "acme-staging", "birch"]
    assert completion.slugs(named(), "starter") == []


def test_completion_follows_the_folder_that_is_named(declared, monkeypatch, tmp_path):
    monkeypatch.setenv("TENANTRY_TENANTS", str(tmp_path / "nowhere"))
    assert completion.slugs(named(), "") == []
    assert completion.slugs(named(declared), "b") == ["birch"]


def test_outside_a_project_nothing_is_completed(monkeypatch):
    """Nobody reads an error there."""

    def nowhere():
        raise InputError("there is no Pulumi.yaml here or in a folder above")

    monkeypatch.setattr(completion, "tenants_dir", nowhere)
    assert completion.slugs(named(), "") == []
