"""A folder of declarations to write into, and the platform's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tenantry.declaration import DeclarationErrors, Declarations, load
from tenantry.settings import PlatformSettings

from .committing import commit, git_in, write

PLAIN = "name: Acme\ntier: starter\nadmin: {name: Ada, email: ada@acme.example}\n"

SETTINGS = {
    "tenantry:domain": "tenantry.example",
    "tenantry:zoneId": "0" * 32,
    "tenantry:endpoint": "edge.tenantry.example",
    "tenantry:bucketPrefix": "tenantry-dev",
    "tenantry:accountId": "123456789012",
    "aws:region": "eu-central-1",
}


@pytest.fixture
def settings() -> PlatformSettings:
    return PlatformSettings.from_mapping(SETTINGS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of declarations with the tiers starter (rls) and business (schema)."""
    (tmp_path / "defaults").mkdir()
    (tmp_path / "defaults" / "starter.yaml").write_text("isolation: rls\nlimits: {users: 7}\nfeatures: {reports: true}\n")
    (tmp_path / "defaults" / "business.yaml").write_text("isolation: schema\n")
    return tmp_path


@pytest.fixture
def loaded(folder: Path, settings: PlatformSettings) -> Callable[[Mapping[str, str]], Declarations]:
    """Write files by slug and load the folder."""

    def write(files: Mapping[str, str]) -> Declarations:
        for slug, text in files.items():
            (folder / f"{slug}.yaml").write_text(text, encoding="utf-8")
        return load(folder, settings)

    return write


@pytest.fixture
def problems(loaded: Callable[[Mapping[str, str]], Declarations], folder: Path) -> Callable[..., list[str]]:
    """Write files by slug (or one plain declaration with lines added) and give every problem, paths relative to the folder."""

    def find(files: Mapping[str, str] | str) -> list[str]:
        with pytest.raises(DeclarationErrors) as caught:
            loaded({"acme": PLAIN + files} if isinstance(files, str) else files)
        assert caught.value.exit_code == 2
        return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]

    return find


@pytest.fixture
def tenants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose folder ``tenants`` has three of them, in one commit on main."""
    for scope in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{scope}", os.devnull)
    folder = tmp_path / "clone" / "tenants"
    write(folder / "defaults" / "starter.yaml", "isolation: rls\nlimits: {users: 7}\n")
    write(folder / "defaults" / "business.yaml", "isolation: schema\n")
    for slug in ("acme", "birch", "coral"):
        write(folder / f"{slug}.yaml", PLAIN)
    git_in(folder.parent)("init", "-q", "-b", "main")
    commit(folder)
    return folder
