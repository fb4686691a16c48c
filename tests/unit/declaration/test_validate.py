"""`tenantry validate` where a pull request is checked: files and git, no platform."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tenantry.commands.declarations import register
from tenantry.declaration import DeclarationErrors, Problem
from tenantry.declaration.capacity import CELL_CAPACITY
from tenantry.errors import InputError

from .committing import commit, git_in, write
from .conftest import PLAIN

Validate = Callable[..., Result]


@pytest.fixture
def validate(tenants: Path, monkeypatch: pytest.MonkeyPatch) -> Validate:
    """The command in the clone, its migrations too; errors as they are raised."""
    for name in ("0001_first", "0002_second"):
        for suffix in ("py", "sql"):
            write(tenants.parent / "migrations" / "control" / f"{name}.{suffix}", f"-- {name}\n")
    commit(tenants, "migrations")
    monkeypatch.setenv("TENANTRY_TENANTS", str(tenants))
    monkeypatch.setenv("TENANTRY_MIGRATIONS", str(tenants.parent / "migrations"))
    monkeypatch.chdir(tenants.parent)
    app = typer.Typer()
    register(app)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, ["validate", "--offline", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


Found = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def found(validate: Validate) -> Found:
    """What is found of the difference from main: severity, file and line, message, hint; with the exit code that belongs to it."""

    def run(*arguments: str) -> list[tuple[Any, ...]]:
        result = validate("--json", *(arguments or ("--base", "main")))
        data = json.loads(result.stdout)
        severities = {problem["severity"] for problem in data["problems"]}
        assert (result.exit_code, data["valid"]) == ((2, False) if "error" in severities else (0, True))
        return [(p["severity"], f"{p['file']}:{p['line']}:{p['column']}", p["message"], p["hint"]) for p in data["problems"]]

    return run


def test_a_branch_that_only_writes_settings_is_valid(validate: Validate, tenants: Path) -> None:
    """New tenants, edits; how many differ is said, and from which commit."""
    git_in(tenants)("checkout", "-qb", "side")
    write(tenants / "acme.yaml", PLAIN + "limits: {users: 9}\n")
    write(tenants / "delta.yaml", PLAIN)
    commit(tenants)
    result = validate("--base", "main")
    assert (result.exit_code, result.stdout) == (
        0, f"4 tenants in {tenants}; 2 differ from {git_in(tenants)('rev-parse', 'main')[:12]}: all valid\n"
    )  # fmt: skip


def test_a_removed_file_is_refused(found: Found, tenants: Path) -> None:
    """With the way back, which is a command, and the way that deletes a tenant (G9)."""
    (tenants / "birch.yaml").unlink()
    commit(tenants)
    [(severity, place, message, hint)] = found("--base", "main~1")
    assert (severity, place) == ("error", "tenants/birch.yaml:1:1")
    assert message == "tenants/birch.yaml is removed, which deletes nothing: every run of the tenant's stack would be refused"
    assert hint.endswith("a tenant is removed with: tenantry offboard birch")
    git_in(tenants.parent)(*hint.removeprefix("bring it back: git ").partition(";")[0].split())
    assert found("--base", "main~1") == []


def test_the_file_of_a_tenant_that_is_leaving_may_go_when_it_is_gone(found: Found, tenants: Path) -> None:
    """Its deletion removes it; whether that has happened only the platform knows. One that is deleted already is nobody's any more."""
    write(tenants / "birch.yaml", PLAIN + "state: offboarding\n")
    write(tenants / "coral.yaml", PLAIN + "state: deleted\n")
    commit(tenants)
    for slug in ("birch", "coral"):
        (tenants / f"{slug}.yaml").unlink()
    [(severity, place, message, _)] = found()
    assert (severity, place) == ("warning", "tenants/birch.yaml:1:1")
    assert "right where the tenant birch has been deleted, refused where it is still held" in message


def test_a_renamed_file_is_refused(found: Found, tenants: Path) -> None:
    """Also when it was edited on the way; the hint is the way back."""
    write(tenants / "birch.yaml", "name: Birch\ntier: starter\nadmin: {name: B, email: b@b.example}\n")
    commit(tenants)
    git_in(tenants)("checkout", "-qb", "side")
    git_in(tenants)("mv", "birch.yaml", "beech.yaml")
    write(tenants / "beech.yaml", "name: Beech\ntier: starter\nadmin: {name: B, email: b@b.example}\n")
    commit(tenants)
    [(severity, place, message, hint)] = found()
    assert (severity, place) == ("error", "tenants/birch.yaml:1:1")
    assert "was renamed to tenants/beech.yaml, but a tenant keeps its slug" in message
    assert hint.startswith("git mv tenants/beech.yaml tenants/birch.yaml")


@pytest.mark.parametrize(
    ("before", "after", "place", "message", "hint"),
    [
        ("", "isolation: schema\n", "4:12", "had isolation: rls; schema would leave its data behind", "tenantry move birch --to schema"),
        ("", "cell: eu1\n", "4:7", "had cell: main; eu1 would leave its data behind", "tenantry move birch --cell eu1"),
        ("", "state: deleted\n", "4:8", "an edit does not make tenant birch deleted", "tenantry offboard birch --delete"),
        ("", "state: archived\n", "4:8", "an edit does not make tenant birch archived", "tenantry offboard birch --archive"),
        ("state: offboarding\n", "state: deleted\n", "4:8", "an edit does not make", "tenantry offboard birch --delete"),
        ("state: deleted\n", "state: active\n", "4:8", "cannot be active by an edit: its data is gone", "tenantry new"),
    ],
)
def test_an_edit_that_a_run_refuses(found: Found, tenants: Path, before: str, after: str, place: str, message: str, hint: str) -> None:
    """At its line, with the command that does it."""
    write(tenants / "birch.yaml", PLAIN + before)
    commit(tenants)
    write(tenants / "birch.yaml", PLAIN + after)
    [(severity, where, what, then)] = found()
    assert (severity, where) == ("error", f"tenants/birch.yaml:{place}")
    assert message in what
    assert hint in then


def test_a_tier_that_moves_its_tenants_is_refused(found: Found, tenants: Path) -> None:
    """Each of them, though no file of theirs was touched."""
    write(tenants / "defaults" / "starter.yaml", "isolation: schema\nlimits: {users: 7}\n")
    assert [(severity, where) for severity, where, _, _ in found()] == [
        ("error", f"tenants/{slug}.yaml:1:1") for slug in ("acme", "birch", "coral")
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("active", "suspended", "would suspend birch"),
        ("suspended", "active", "would reactivate birch"),
        ("active", "offboarding", "would offboard birch"),
        ("offboarding", "active", "would undelete birch"),
        ("offboarding", "suspended", "would undelete birch: its hold ends and stays suspended"),
    ],
)
def test_an_edit_that_does_what_a_command_does_is_said(found: Found, tenants: Path, before: str, after: str, said: str) -> None:
    """It is allowed, and nobody merges it unaware (G1)."""
    write(tenants / "birch.yaml", PLAIN + f"state: {before}\n")
    commit(tenants)
    write(tenants / "birch.yaml", PLAIN + f"state: {after}\n")
    [(severity, place, message, hint)] = found()
    assert (severity, place, message[: len(said)]) == ("notice", "tenants/birch.yaml:4:8", said)
    assert hint == f"leave state: {before} where that is not meant"


def test_a_new_file_of_a_tenant_that_is_gone(found: Found, tenants: Path) -> None:
    """Nothing would ever be done with it."""
    write(tenants / "delta.yaml", PLAIN + "state: deleted\n")
    commit(tenants)
    [(severity, place, message, _)] = found("--base", "main~1")
    assert (severity, place) == ("error", "tenants/delta.yaml:4:8")
    assert "there is no tenant delta that could be deleted" in message


def test_what_main_got_since_is_none_of_the_branch_s_doing(found: Found, tenants: Path) -> None:
    """Main removed a file, suspended a tenant and added a migration; the branch is behind (N12)."""
    git_in(tenants)("checkout", "-qb", "side")
    git_in(tenants)("checkout", "-q", "main")
    (tenants / "coral.yaml").unlink()
    write(tenants / "acme.yaml", PLAIN + "state: suspended\n")
    write(tenants.parent / "migrations" / "control" / "0003_third.sql", "x")
    commit(tenants)
    git_in(tenants)("checkout", "-q", "side")
    write(tenants / "birch.yaml", PLAIN + "limits: {users: 9}\n")
    assert found() == []
    assert found("--base", "main...HEAD") == []


def test_older_code_is_refused(found: Found, tenants: Path) -> None:
    """A migration that is taken away or edited: a platform may have it. Line ends and new ones are nothing."""
    control = tenants.parent / "migrations" / "control"
    (control / "0002_second.sql").unlink()
    (control / "0001_first.sql").write_bytes(b"-- 0001_first\r\n")
    write(control / "0003_third.sql", "x")
    [(severity, place, message, hint)] = found()
    assert (severity, place) == ("error", "migrations/control/0002_second.sql:1:1")
    assert message.startswith("is gone: a platform that was migrated with it refuses a program without it")
    git_in(tenants.parent)(*hint.removeprefix("bring it back: git ").split())
    write(control / "0001_first.sql", "-- another\n")
    [(severity, place, message, _)] = found()
    assert (place, message) == ("migrations/control/0001_first.sql:1:1", "was edited: where it was applied it is not applied again")


def test_a_cell_that_has_more_than_it_is_planned_for(found: Found, tenants: Path) -> None:
    """Valid, and said: at the first newcomer's line, or about the folder (N11)."""
    for number in range(CELL_CAPACITY - 3):
        write(tenants / f"t{number:03}qx.yaml", PLAIN)
    commit(tenants)
    assert found() == []
    write(tenants / "zeta.yaml", PLAIN + "cell: main\n")
    write(tenants / "zulu.yaml", PLAIN + "isolation: database\n")
    git_in(tenants)("add", ".")
    message = f"the cell main has {CELL_CAPACITY + 1} pooled tenants and is planned for {CELL_CAPACITY}"
    assert [each[:3] for each in found()] == [("warning", "tenants/zeta.yaml:4:7", message)]
    assert [each[:3] for each in found("--json")] == [("warning", "tenants:1:1", message)]


def test_files_that_git_does_not_have(found: Found, tenants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by a run from here, and by no other: said, and refused in a pipeline. What nobody reads is not spoken of (N13)."""
    write(tenants.parent / ".gitignore", "ignored.yaml\n")
    commit(tenants)
    for name in (
        "new.yaml",
        "ignored.yaml",
        "defaults/gold.yaml",
        "assets/new/logo.svg",
        "README.md",
        ".x.yaml.swp",
        "assets/new/notes.txt",
    ):
        write(tenants / name, "isolation: rls\n" if name.startswith("defaults") else PLAIN)
    places = ["tenants/assets/new/logo.svg", "tenants/defaults/gold.yaml", "tenants/ignored.yaml", "tenants/new.yaml"]
    for variable, severity in (("", "warning"), ("false", "warning"), ("true", "error"), ("1", "error")):
        monkeypatch.setenv("CI", variable)
        seen = found("--json")
        assert [each[:2] for each in seen] == [(severity, f"{place}:1:1") for place in places]
    assert [each[3].split()[:2] for each in seen] == [["git", "add"], ["git", "add"], ["git", "check-ignore"], ["git", "add"]]


def test_a_folder_without_git_is_as_valid_as_before(found: Found, tenants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unpacked archive: no word of git, but where another commit is asked for."""
    monkeypatch.setenv("CI", "true")
    (tenants.parent / ".git").rename(tmp_path / "no-git")
    assert found("--json") == []
    with pytest.raises(InputError, match="in no git repository"):
        found()


def test_text_shows_errors_as_before_and_says_the_others_first(validate: Validate, tenants: Path) -> None:
    """The errors are raised, for the command line to tell; warnings and notices are lines of the result."""
    write(tenants / "birch.yaml", PLAIN + "state: suspended\n")
    result = validate("--base", "main")
    assert result.stdout.startswith("tenants/birch.yaml:4:8: notice: would suspend birch: ")
    assert result.stdout.endswith(": all valid\n")
    (tenants / "acme.yaml").unlink()
    with pytest.raises(DeclarationErrors, match=r"tenants/acme.yaml:1:1: tenants/acme.yaml is removed") as caught:
        validate("--base", "main")
    assert [problem.severity for problem in caught.value.problems] == ["error"]


def test_broken_files_come_first(validate: Validate, tenants: Path) -> None:
    """What cannot be read cannot be compared; that it was not is said."""
    write(tenants / "birch.yaml", "name: [\n")
    result = validate("--base", "main", "--json")
    assert (result.exit_code, len(json.loads(result.stdout)["problems"])) == (2, 1)
    assert "note: not compared with main before these are corrected" in result.stderr


def test_annotations(validate: Validate, tenants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By themselves in GitHub's runner, or asked for; files as the repository knows them, from wherever the command runs."""
    write(tenants / "birch.yaml", PLAIN + "state: suspended\n")
    (tenants / "acme.yaml").unlink()
    first = "::error file=tenants/acme.yaml,line=1,col=1,title=tenantry validate::tenants/acme.yaml:1:1: tenants/acme.yaml is removed"
    asked = validate("--base", "main", "--format", "github")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    by_itself = validate("--base", "main")
    assert asked.stdout == by_itself.stdout
    assert (by_itself.exit_code, by_itself.stderr) == (2, "")
    error, notice, summary = by_itself.stdout.splitlines()
    assert error.startswith(first)
    assert notice.startswith(
        "::notice file=tenants/birch.yaml,line=4,col=8,title=tenantry validate::tenants/birch.yaml:4:8: notice: would suspend"
    )
    assert summary.endswith("1 error")
    assert json.loads(validate("--base", "main", "--json").stdout)["valid"] is False
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tenants.parent))
    monkeypatch.chdir(tenants / "defaults")
    assert "::error file=tenants/acme.yaml,line=1" in validate("--base", "main").stdout


def test_what_a_tenant_writes_is_no_command_of_the_runner(validate: Validate, tenants: Path) -> None:
    """Line breaks, percent signs, commands and properties in a key or a file's name: one line, one command, one file."""
    write(tenants / "birch.yaml", PLAIN + '"a%0A::error::x\\n::stop-commands::y\\r##[add-mask]z": 1\n')
    write(tenants / "x,line=9::set-env name=A::\n::warning::b.yaml", PLAIN)
    lines = validate("--format", "github").stdout.splitlines()
    assert len(lines) == 3
    assert [line for line in lines[:2] if not line.startswith("::error file=")] == []
    assert not lines[2].startswith("::")
    for line in lines[:2]:
        properties = line.removeprefix("::error ").partition("::")[0]
        assert [pair.partition("=")[0] for pair in properties.split(",")] == ["file", "line", "col", "title"]
        assert "%0A" not in line.partition("::unknown")[2].replace("%250A", "")


def test_an_annotation_s_text_is_read_back_as_it_was() -> None:
    """By the runner's own rules: `%25`, `%0D`, `%0A`, and in properties `%3A`, `%2C`."""
    from tenantry.commands.annotations import annotation

    line = annotation(Problem("a:b,c%.yaml", 1, 2, "100 %0A\r\n::x", severity="warning"))
    assert line == ("::warning file=a%3Ab%2Cc%25.yaml,line=1,col=2,title=tenantry validate::a:b,c%25.yaml:1:2: warning: 100 %250A%0D%0A::x")


def test_line_ends_are_shipped(tenants: Path) -> None:
    """What git makes of a text is the same on every machine (N8): a clone whose git turns line ends round gets them as committed."""
    root = Path(__file__).parents[3]
    git_in(tenants)("config", "core.autocrlf", "true")
    (tenants.parent / ".gitattributes").write_bytes((root / ".gitattributes").read_bytes())
    texts = [tenants / name for name in ("assets/a/logo.svg", "assets/a/a.css", "acme.yaml", "../a.py", "../a.sql")]
    for path in texts:
        write(path, "a\nb\n")
    picture = write(tenants / "assets" / "a" / "a.png", b"\x89PNG\r\n\x1a\n\n")
    commit(tenants)
    for path in (*texts, picture):
        path.unlink()
    git_in(tenants.parent)("checkout", "-q", ".")
    assert [path.read_bytes() for path in texts] == [b"a\nb\n"] * len(texts)
    assert picture.read_bytes() == b"\x89PNG\r\n\x1a\n\n"


def test_provision_says_what_git_does_not_have(tenants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it asks for anything; a few by name (N13)."""
    from tenantry.commands import runs

    monkeypatch.setenv("TENANTRY_TENANTS", str(tenants))
    monkeypatch.chdir(tenants.parent)
    app = typer.Typer()
    runs.register(app)
    monkeypatch.setattr("tenantry.operations.provision.request_all", lambda slugs, actor: [])
    assert "note" not in CliRunner().invoke(app, ["provision", "acme"]).stderr
    for number in range(5):
        write(tenants / f"new-{number}.yaml", PLAIN)
    said = CliRunner().invoke(app, ["provision", "acme"]).stderr
    assert said.startswith(
        "note: not in git, so no other clone has it: tenants/new-0.yaml, tenants/new-1.yaml, tenants/new-2.yaml and 2 more\n"
    )
