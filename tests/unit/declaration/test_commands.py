"""The commands that look at declarations: what they print, and how they end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from tenantry.commands.declarations import register
from tenantry.declaration import DeclarationErrors
from tenantry.declaration.keys import FEATURES
from tenantry.errors import InputError

from .conftest import PLAIN

ROOT = Path(__file__).parents[3]
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1" fill="{}"/></svg>'
Run = Callable[..., Result]


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the folder; errors come as they are raised, the command line translates them."""
    monkeypatch.setenv("TENANTRY_TENANTS", str(folder))
    monkeypatch.chdir(ROOT)
    (folder / "acme.yaml").write_text(PLAIN)
    app = typer.Typer()
    register(app)

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_validate(run: Run, folder: Path) -> None:
    """Good: how many. Bad: every problem, as text through the error or as JSON with exit 2."""
    assert "1 tenant" in run("validate").stdout
    assert json.loads(run("validate", "--json").stdout) == {"valid": True, "tenants": 1, "problems": [], "asked": False, "base": None}
    (folder / "beta.yaml").write_text(PLAIN + "stat: active\n")
    with pytest.raises(DeclarationErrors, match=r"beta.yaml:4:1: unknown key 'stat' \(did you mean 'state'\?\)") as caught:
        run("validate")
    assert caught.value.exit_code == 2
    result = run("validate", "--json")
    (problem,) = json.loads(result.stdout)["problems"]
    assert result.exit_code == 2
    assert (problem["line"], problem["column"], problem["severity"]) == (4, 1, "error")


def test_render_is_the_effective_declaration(run: Run) -> None:
    """With the tier's values, the id and the stack; YAML and JSON say the same; without a slug, every tenant."""
    data = yaml.safe_load(run("render", "acme").stdout)
    assert data == json.loads(run("render", "acme", "--json").stdout)
    assert (data["stack"], data["limits"]["users"]) == ("shared", 7)
    assert json.loads(run("render", "--json").stdout) == {"acme": data}
    with pytest.raises(InputError, match="no file declares"):
        run("render", "acne")


def test_render_shows_what_a_changed_default_does(run: Run, folder: Path) -> None:
    """The difference from another commit is one of effective values and assets: a default's change shows for each tenant of its tier."""

    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@x.example", *arguments], cwd=folder, check=True, capture_output=True
        )

    logo = folder / "assets" / "coral" / "logo.svg"
    logo.parent.mkdir(parents=True)
    logo.write_text(SVG.format("red"))
    (folder / "coral.yaml").write_text(PLAIN + "branding: {logo: assets/coral/logo.svg}\n")
    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "before")
    assert "no effective declaration differs" in run("render", "--diff", "main").stdout
    (folder / "defaults" / "starter.yaml").write_text("isolation: rls\nlimits: {users: 8}\nfeatures: {reports: true}\n")
    (folder / "beta.yaml").write_text(PLAIN)
    changes: list[dict[str, Any]] = json.loads(run("render", "--diff", "main", "--json").stdout)
    assert [(change["slug"], change["what"]) for change in changes] == [("acme", "changed"), ("beta", "added"), ("coral", "changed")]
    assert changes[0]["changes"] == [{"key": "limits.users", "before": 7, "after": 8}]
    assert "limits.users: 7 → 8" in run("render", "acme", "--diff", "main").stdout
    logo.write_text(SVG.format("blue"))
    (coral,) = [change for change in json.loads(run("render", "--diff", "main", "--json").stdout) if change["slug"] == "coral"]
    assert (coral["what"], [change["key"] for change in coral["changes"]]) == ("changed", ["limits.users", "branding.logo.sha256"])
    for revision in ("nothing", "--output=x"):
        with pytest.raises(InputError):
            run("render", f"--diff={revision}")
    (folder / "outside").symlink_to(folder.parent)
    git("add", ".")
    git("commit", "-m", "a link out of the folder")
    with pytest.raises(InputError, match="outside"):
        run("render", "--diff", "main")


def test_new_and_list(run: Run) -> None:
    """A new tenant is in the list at once, with its host under the platform's domain."""
    assert json.loads(run("new", "globex", "--tier", "business", "--json").stdout)["slug"] == "globex"
    rows = json.loads(run("list", "--json").stdout)
    assert [(row["slug"], row["stack"], row["hosts"][0]) for row in rows] == [
        ("acme", "shared", "acme.tenantry.example"),
        ("globex", "shared", "globex.tenantry.example"),
    ]
    assert "globex.tenantry.example" in run("list").stdout


def test_schema_is_for_files(run: Run) -> None:
    """It knows the tiers and features, requires what only a file can say, and is closed at every level."""
    schema = json.loads(run("schema").stdout)
    assert schema["required"] == ["name", "tier", "admin"]
    assert schema["properties"]["tier"]["enum"] == ["business", "starter"]
    assert set(schema["properties"]["features"]["properties"]) == set(FEATURES)
    assert "slug" not in schema["properties"]
    assert schema["additionalProperties"] is False
    assert all(definition["additionalProperties"] is False for definition in schema["$defs"].values())


def test_the_samples_keep_the_schema() -> None:
    """What the loader accepts, an editor does not underline."""
    jsonschema = pytest.importorskip("jsonschema")
    from tenantry.declaration.files import FileReader
    from tenantry.declaration.schema import file_schema

    validator = jsonschema.Draft202012Validator(file_schema(FileReader(ROOT / "tenants").tiers))
    for file in (ROOT / "tenants").glob("*.yaml"):
        content = yaml.safe_load(file.read_text())
        assert list(validator.iter_errors(content)) == []
        taken = {
            "isolation": None,
            "labels": {"region": None},
            "theme": {"css": None},
            "limits": {"users": None},
            "features": {"sso": None},
        }
        assert list(validator.iter_errors({**content, **taken, "email_templates": {"welcome": None}})) == []
        assert list(validator.iter_errors({**content, "features": None})) != []
        assert list(validator.iter_errors({**content, "state": None})) != []


def test_the_reference_is_current(run: Run) -> None:
    """docs/declaration.md is what the models say today: `tenantry schema --markdown > docs/declaration.md`."""
    assert (ROOT / "docs" / "declaration.md").read_text() == run("schema", "--markdown").stdout


@pytest.mark.parametrize("command", ["validate", "schema", "new", "render", "list"])
def test_help_has_an_example(run: Run, command: str) -> None:
    """Somebody who asks for help sees a line to type."""
    assert "Example: tenantry" in run(command, "--help").stdout
