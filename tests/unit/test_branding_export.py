"""A tenant's branding as files: what a build needs, nothing written over or outside, and the same each time."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from local.home import CLONE
from tenantry.errors import InputError
from tenantry.operations import branding_export
from tests import checkout

LOGO = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>'


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """The folder of the declarations, with one tenant that has a logo."""
    folder = checkout.declared(tmp_path / "tenants")
    (folder / "assets" / "acme").mkdir(parents=True)
    (folder / "assets" / "acme" / "logo.svg").write_text(LOGO)
    _declare(folder, "branding: {app_name: Acme Desk, logo: assets/acme/logo.svg}")
    monkeypatch.setenv("TENANTRY_TENANTS", str(folder))
    return folder


def _declare(folder, branding):
    (folder / "acme.yaml").write_text(
        f"name: Acme\ntier: starter\nadmin: {{name: A, email: a@acme.example}}\ntheme: {{primary: '#0a0b0c'}}\n{branding}\n"
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_build_has_all_that_it_needs_and_the_same_each_time(declared, tmp_path):
    out = tmp_path / "build" / "acme"
    done = branding_export.export("acme", out)
    assert set(done.files) == {"theme.css", "tokens.json", "branding.json", "manifest.webmanifest", "logo.svg", "favicon.svg"}
    assert "#0a0b0c" in (out / "theme.css").read_text()
    tokens = json.loads((out / "tokens.json").read_text())
    assert tokens["color"]["primary"]["$value"] == {"colorSpace": "srgb", "components": [0.0392, 0.0431, 0.0471], "hex": "#0a0b0c"}
    manifest = json.loads((out / "manifest.webmanifest").read_text())
    assert (manifest["name"], manifest["icons"][0]["src"]) == ("Acme Desk", "favicon.svg")
    first = contents(out)
    branding_export.export("acme", out)
    branding_export.export("acme", tmp_path / "elsewhere")
    assert contents(out) == first == contents(tmp_path / "elsewhere")


def test_what_the_tenant_has_no_more_is_removed_and_nothing_else(declared, tmp_path):
    out = tmp_path / "build"
    branding_export.export("acme", out)
    (out / "notes.txt").write_text("mine")
    _declare(declared, "branding: {app_name: Acme Desk}")
    assert branding_export.export("acme", out).removed == ("logo.svg",)
    assert (out / "notes.txt").read_text() == "mine"
    assert not (out / "logo.svg").exists()


def test_nothing_is_written_over_what_is_no_exports(declared, tmp_path):
    out = tmp_path / "build"
    out.mkdir()
    (out / "theme.css").write_text("mine")
    with pytest.raises(InputError, match="which no export wrote"):
        branding_export.export("acme", out)
    assert contents(out) == {"theme.css": b"mine"}


@pytest.mark.parametrize("names", ['["../secret"]', '["/etc/passwd"]', "[1]", '"x"', "[", '["a/b"]', '[""]'])
def test_a_list_that_leads_out_of_the_folder_is_none(declared, tmp_path, names):
    out, secret = tmp_path / "build", tmp_path / "secret"
    out.mkdir()
    secret.write_text("mine")
    (out / branding_export.LIST).write_text(f'{{"files": {names}}}')
    with pytest.raises(InputError, match="is not an export's list"):
        branding_export.export("acme", out)
    assert secret.read_text() == "mine"


def test_a_link_in_a_files_place_is_not_followed(declared, tmp_path):
    out, secret = tmp_path / "build", tmp_path / "secret"
    branding_export.export("acme", out)
    secret.write_text("mine")
    (out / "theme.css").unlink()
    (out / "theme.css").symlink_to(secret)
    branding_export.export("acme", out)
    assert secret.read_text() == "mine"
    assert "#0a0b0c" in (out / "theme.css").read_text()


def test_the_step_of_a_build_that_is_documented_does_what_it_says(declared, tmp_path):
    """The commands of docs/branding.md, as they are written."""
    page = (CLONE / "docs" / "branding.md").read_text(encoding="utf-8")
    step = page.partition("## For a build of its own\n")[2].partition("```sh\n")[2].partition("```")[0]
    assert "tenantry branding export" in step
    path = f"{CLONE / '.venv' / 'bin'}:{os.environ['PATH']}"
    subprocess.run(["sh", "-eu", "-c", step], cwd=tmp_path, env={**os.environ, "PATH": path}, check=True, capture_output=True)
    assert (tmp_path / "build" / "acme" / "theme.css").is_file()
