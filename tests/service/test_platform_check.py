"""`tenantry validate` beside a platform: what a run would refuse is told of the files, each where it stands, before anything runs."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from local.home import CLONE
from tenantry import naming
from tenantry.control import ledger, origin, quarantine, registry
from tenantry.control.database import transaction
from tenantry.control.ledger import Claim, KnownTenant, Ledger
from tenantry.control.origin import Origin
from tenantry.declaration import load
from tenantry.postgres.server import Server
from tests.service import control_database

pytestmark = pytest.mark.service

FILE = "name: {name}\ntier: starter\nadmin: {{name: A, email: {slug}@x.example}}\n"
ROW = {
    "tier": "starter", "isolation": "rls", "cell": "main", "stack": "shared", "state": "active",
    "database": "cell_main", "schema": "shared", "app_role": "a", "bucket": "b", "prefix": "p", "limits": {}, "labels": {},
}  # fmt: skip
KNOWN = {"harbor": "Harbor Yoga", "acme": "Acme GmbH"}


@pytest.fixture
def folder(in_cloud, tmp_path) -> Path:
    """A platform that knows two tenants of shared tables, and a folder with their files."""
    control_database.make()
    shutil.copytree(CLONE / "tenants" / "defaults", tmp_path / "defaults")
    for slug, name in KNOWN.items():
        row = {**ROW, "name": name, "host": naming.host(slug, "tenantry.example")}
        registry.record(str(naming.tenant_id(slug)), slug, row, [f"portal.{slug}.example"], {"name": "A", "email": f"{slug}@x.example"})
        (tmp_path / f"{slug}.yaml").write_text(FILE.format(name=name, slug=slug))
    with Server.from_environment().connect() as connection:
        known = [KnownTenant(slug, "shared", "rls", "main", "active", "f") for slug in KNOWN]
        ledger.begin(connection, Ledger("shared", {}, {}, False), [], known)
    yield tmp_path
    with transaction() as connection:
        for table in ("tenant_domains", "invitations", "tenants"):
            connection.execute(f"DELETE FROM {table}")
    with Server.from_environment().connect() as connection:
        connection.execute("DROP SCHEMA tenantry_ledger CASCADE")


def problems(cloud, folder, code: int = 2) -> list[tuple[str, int, int, str, str]]:
    done = cloud.tenantry("validate", "--json", TENANTRY_TENANTS=str(folder))
    assert done.returncode == code, done.stderr
    return [(Path(p["file"]).name, p["line"], p["column"], p["message"], p["hint"]) for p in json.loads(done.stdout)["problems"]]


def test_files_as_the_platform_knows_them_are_valid(in_cloud, folder):
    """Nothing is said of what a run would take."""
    assert problems(in_cloud, folder, 0) == []


def test_a_tenant_without_its_file_is_a_problem(in_cloud, folder):
    """Removing a file deletes nothing, and is not called valid."""
    (folder / "harbor.yaml").unlink()
    assert problems(in_cloud, folder) == [
        ("harbor.yaml", 1, 1, "tenants/harbor.yaml is gone but the tenant harbor is not",
         "bring the file back: tenantry new harbor --tier starter --isolation rls --cell main --name 'Harbor Yoga' --email harbor@x.example"
         " and in it domains: [portal.harbor.example]; a tenant is removed with: tenantry offboard harbor"),
    ]  # fmt: skip


@pytest.mark.parametrize("committed", [False, True])
def test_a_file_that_git_had_is_brought_back_by_git(in_cloud, folder, committed):
    """As it was last committed, with its pictures, whether or not the removal was committed; the command that is named does it."""
    (folder / "assets" / "harbor").mkdir(parents=True)
    (folder / "assets" / "harbor" / "logo.svg").write_text("<svg/>")
    git = partial(subprocess.run, cwd=folder, check=True, capture_output=True)
    commit = ["git", "-c", "user.name=x", "-c", "user.email=x@x.example", "commit", "-qam"]
    git(["git", "init", "-q"])
    git(["git", "add", "."])
    git([*commit, "first"])
    (folder / "harbor.yaml").unlink()
    shutil.rmtree(folder / "assets")
    if committed:
        git([*commit, "gone"])
    [(_, _, _, _, hint)] = problems(in_cloud, folder)
    command = hint.removeprefix("bring the file back: ").partition(";")[0]
    assert command.startswith("git checkout ")
    git(shlex.split(command))
    assert (folder / "assets" / "harbor" / "logo.svg").is_file()
    assert problems(in_cloud, folder, 0) == []


@pytest.mark.parametrize(
    "text",
    [
        FILE.format(name="Harbor Yoga", slug="other"),
        FILE.format(name="Harbour", slug="harbor"),
        FILE.format(name="Harbour", slug="other") + "domains: [portal.harbor.example]\n",
    ],
    ids=["its name", "its administrator", "its host name"],
)
def test_a_renamed_file_is_told_from_a_removed_one(in_cloud, folder, text):
    """By what the registry knows of the tenant, however the file was edited on the way; the hint is the way back."""
    (folder / "harbor.yaml").unlink()
    (folder / "harbour.yaml").write_text(text)
    (folder / "newcomer.yaml").write_text(FILE.format(name="Newcomer", slug="newcomer"))
    [(file, line, column, message, hint)] = problems(in_cloud, folder)
    assert (file, line, column) == ("harbor.yaml", 1, 1)
    assert message.startswith("tenants/harbor.yaml was renamed to tenants/harbour.yaml, but a tenant keeps its slug")
    assert hint.startswith("git mv tenants/harbour.yaml tenants/harbor.yaml")
    (folder / "harbour.yaml").rename(folder / "harbor.yaml")
    assert problems(in_cloud, folder, 0) == []


def test_another_new_tenant_is_not_taken_for_a_renamed_one(in_cloud, folder):
    """A file that went and one that came, about different people."""
    (folder / "harbor.yaml").unlink()
    (folder / "newcomer.yaml").write_text(FILE.format(name="Newcomer", slug="newcomer"))
    [(_, _, _, message, _)] = problems(in_cloud, folder)
    assert message == "tenants/harbor.yaml is gone but the tenant harbor is not"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("isolation: schema", "tenant harbor has isolation rls; schema would leave its data behind"),
        ("cell: eu1", "tenant harbor is in the cell main; eu1 would leave its data behind"),
        ("state: deleted", "tenant harbor is active and cannot be deleted at once"),
    ],
)
def test_an_edit_that_would_lose_data_is_shown_at_its_line(in_cloud, folder, line, message):
    """Also of several stacks at once: a run would refuse its own one only."""
    with (folder / "harbor.yaml").open("a") as file:
        file.write(line + "\n")
    assert [found[:4] for found in problems(in_cloud, folder)] == [("harbor.yaml", 4, len(line.split(":")[0]) + 3, message)]


@pytest.mark.parametrize("state", ["deleted", "archived"])
def test_the_file_of_a_tenant_that_is_gone_is_not_valid(in_cloud, folder, state):
    """It is left behind by a merge, or comes back with one; nothing would ever be done with it."""
    (folder / "bygone.yaml").write_text(FILE.format(name="Bygone", slug="bygone") + f"state: {state}\n")
    assert problems(in_cloud, folder) == [
        ("bygone.yaml", 4, 8, f"there is no tenant bygone that could be {state}: it is gone already, or never was",
         "remove the file, and assets/bygone/"),
    ]  # fmt: skip


def test_host_names_that_cannot_change_hands_are_shown_at_their_line(in_cloud, folder):
    """What every run would refuse: of a tenant that is being deleted. What only has to be run in order is valid."""
    with Server.from_environment().connect() as connection:
        connection.autocommit = True
        claims = [Claim("hostname", f"portal.{slug}.example", slug) for slug in KNOWN]
        ledger.begin(connection, Ledger.read(connection, "shared"), claims, [])
        ledger.let_delete(connection, "acme")
    with (folder / "harbor.yaml").open("a") as file:
        file.write("domains: [portal.harbor.example, portal.acme.example]\n")
    [found] = problems(in_cloud, folder)
    assert found[:4] == (
        "harbor.yaml", 4, 34, "portal.acme.example is the tenant acme's, which is being deleted: the host name then goes into quarantine",
    )  # fmt: skip
    with Server.from_environment().connect() as connection:
        connection.execute("UPDATE tenantry_ledger.tenants SET released_at = NULL")
    assert problems(in_cloud, folder, 0) == []


def in_git(folder: Path) -> partial[subprocess.CompletedProcess[bytes]]:
    """The folder, committed; git in it."""
    git = partial(subprocess.run, cwd=folder, check=True, capture_output=True)
    git(["git", "init", "-q", "-b", "main"])
    commit(git)
    return git


def commit(git: partial[subprocess.CompletedProcess[bytes]]) -> None:
    git(["git", "add", "-A"])
    git(["git", "-c", "user.name=x", "-c", "user.email=x@x.example", "commit", "-qm", "x"])


def since(cloud, folder, code: int) -> list[tuple[str, str, str, str]]:
    """What `validate --base main~1` finds: severity, file with line and column, message, hint."""
    done = cloud.tenantry("validate", "--base", "HEAD~1", "--json", TENANTRY_TENANTS=str(folder))
    assert done.returncode == code, done.stderr + done.stdout
    data = json.loads(done.stdout)
    assert data["asked"] is True
    found = data["problems"]
    return [(p["severity"], f"{Path(p['file']).name}:{p['line']}:{p['column']}", p["message"], p["hint"]) for p in found]


def test_a_deleted_tenant_s_file_stands_in_nobody_s_way(in_cloud, folder):
    """Merged long ago, it is skipped by every run, and a warning to a pull request about others; one that a pull request brings is an
    error; and its removal is right (G11)."""
    (folder / "bygone.yaml").write_text(FILE.format(name="Bygone", slug="bygone"))
    with transaction() as connection:
        quarantine.put(connection, naming.tenant_id("bygone"), [("slug", "bygone")], None)
    with Server.from_environment().connect() as connection:
        connection.autocommit = True
        ledger.begin(connection, Ledger.read(connection, "shared"), [Claim("hostname", "portal.acme.example", "acme")], [])
    git = in_git(folder)
    with (folder / "acme.yaml").open("a") as file:
        file.write("limits: {users: 9}\n")
    commit(git)
    [(severity, where, message, hint)] = since(in_cloud, folder, 0)
    assert (severity, where) == ("warning", "bygone.yaml:1:1")
    assert message.startswith("tenants/bygone.yaml is skipped: the slug bygone was a deleted tenant's")
    assert "git rm" in hint
    (folder / "bygone.yaml").unlink()
    commit(git)
    assert since(in_cloud, folder, 0) == []
    (folder / "bygone.yaml").write_text(FILE.format(name="Bygone", slug="bygone"))
    assert problems(in_cloud, folder)[0][:3] == ("bygone.yaml", 1, 1)
    commit(git)
    assert problems(in_cloud, folder, 0)[0][3].startswith("tenants/bygone.yaml is skipped")
    assert [found[:2] for found in since(in_cloud, folder, 2)] == [("error", "bygone.yaml:1:1")]
    with transaction() as connection:
        connection.execute("DELETE FROM quarantined_names")


def test_the_platform_knows_better_than_the_difference(in_cloud, folder):
    """The line of a finished move is valid where the tenant has been moved; a removal where nothing was ever made (G9)."""
    (folder / "nobody.yaml").write_text(FILE.format(name="Nobody", slug="nobody"))
    git = in_git(folder)
    (folder / "nobody.yaml").unlink()
    with (folder / "harbor.yaml").open("a") as file:
        file.write("isolation: schema\n")
    commit(git)
    assert [found[:3] for found in since(in_cloud, folder, 2)] == [
        ("error", "harbor.yaml:4:12", "tenant harbor has isolation rls; schema would leave its data behind"),
    ]
    with Server.from_environment().connect() as connection:
        connection.execute("UPDATE tenantry_ledger.tenants SET isolation = 'schema' WHERE slug = 'harbor'")
    assert since(in_cloud, folder, 0) == []
    (folder / "acme.yaml").unlink()
    commit(git)
    [(severity, where, message, _)] = since(in_cloud, folder, 2)
    assert (severity, where, message) == ("error", "acme.yaml:1:1", "tenants/acme.yaml is gone but the tenant acme is not")


def test_a_state_in_a_pull_request_is_said(in_cloud, folder):
    """With a platform as without one: what the merge would do (G1)."""
    git = in_git(folder)
    with (folder / "harbor.yaml").open("a") as file:
        file.write("state: suspended\n")
    commit(git)
    [(severity, where, message, _)] = since(in_cloud, folder, 0)
    assert (severity, where, message[:20]) == ("notice", "harbor.yaml:4:8", "would suspend harbor")


def test_a_branch_that_is_behind_is_not_older_for_that(in_cloud, folder):
    """What was applied from main is in what a merge into main makes; into a branch without it, the change would not be made."""
    git = in_git(folder)
    git(["git", "checkout", "-qb", "side"])
    with (folder / "harbor.yaml").open("a") as file:
        file.write("limits: {users: 9}\n")
    commit(git)
    git(["git", "checkout", "-q", "main"])
    git(["git", "branch", "release"])
    with (folder / "acme.yaml").open("a") as file:
        file.write("limits: {users: 9}\n")
    commit(git)
    applied = git(["git", "rev-parse", "main"]).stdout.decode().strip()
    before = Origin("0" * 64, "active", "rls", "main", applied, "1" * 40, "ada", origin.now())
    stored = load(folder)["harbor"].model_dump_json()
    with Server.from_environment().connect() as connection:
        connection.autocommit = True
        known = KnownTenant("harbor", "shared", "rls", "main", "active", "f", origin=before, declared=stored)
        ledger.begin(connection, Ledger.read(connection, "shared"), [], [known])
    git(["git", "checkout", "-q", "side"])
    for base, code, severities in (("main", 0, []), ("release", 2, ["error"])):
        done = in_cloud.tenantry("validate", "--base", base, "--json", TENANTRY_TENANTS=str(folder))
        assert done.returncode == code, done.stdout + done.stderr
        assert [problem["severity"] for problem in json.loads(done.stdout)["problems"]] == severities
    assert "is of a history that does not contain" in done.stdout
