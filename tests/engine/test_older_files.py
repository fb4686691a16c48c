"""An older file never beats a newer truth, and no file undoes a command that it knows nothing of: on the real engine, whoever runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tenantry import naming
from tests.checkout import git
from tests.engine.conftest import Sandbox

pytestmark = pytest.mark.engine

BUCKET = "tenantry-dev-main"
LOGO = "assets/harbor/logo.svg"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><title>{}</title></svg>'
HOST = "members.harbor.example"


def commit(platform: Sandbox) -> str:
    git(platform.tenants, "add", "--all")
    git(platform.tenants, "commit", "--quiet", "--message", "Change")
    return git(platform.tenants, "rev-parse", "HEAD")


def declare(platform: Sandbox, generation: str, **fields: object) -> str:
    logo = platform.tenants / LOGO
    logo.parent.mkdir(parents=True, exist_ok=True)
    logo.write_text(SVG.format(generation))
    branding = {"app_name": f"Harbor {generation}", "logo": LOGO}
    platform.declare("harbor", **{"isolation": "schema", "branding": branding, **fields})
    platform.declare("acme", isolation="database", branding={"app_name": f"Acme {generation}"})
    return commit(platform)


@pytest.fixture(scope="module")
def commits(sandbox: Sandbox) -> list[str]:
    """The first one has no custom host name and no `cedar`."""
    sandbox.declare("birch")
    first = declare(sandbox, "One")
    sandbox.up()
    sandbox.declare("cedar")
    second = declare(sandbox, "Two", domains=[HOST])
    sandbox.up()
    return [first, second]


def job(platform: Sandbox, at: str) -> dict[str, str]:
    """A pipeline's checkout of a commit."""
    folder = platform.root / f"job-{at[:8]}"
    if folder.exists():
        shutil.rmtree(folder)
    git(platform.root, "clone", "--quiet", str(platform.tenants), str(folder))
    git(folder, "checkout", "--quiet", at)
    return {"TENANTRY_TENANTS": str(folder)}


def seen(platform: Sandbox) -> tuple[object, ...]:
    """What there is of harbor and of cedar."""
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        rows = admin.execute(
            "SELECT t.slug, t.state, c.config_value FROM control.tenants t JOIN control.tenant_configurations c ON c.tenant_id = t.id"
            " WHERE c.config_key = 'branding.app_name' ORDER BY t.slug"
        ).fetchall()
        hosts = admin.execute("SELECT host FROM control.tenant_domains WHERE kind = 'custom'").fetchall()
    logo = platform.s3().get_object(Bucket=BUCKET, Key="tenants/harbor/branding/logo.svg")["Body"].read()
    return rows, hosts, logo


@pytest.mark.parametrize("how", ["tenantry", "pulumi"])
def test_an_older_job_that_is_run_again_changes_nothing(sandbox: Sandbox, commits: list[str], how: str) -> None:
    """G5: neither what it says, nor what it does not have yet, nor pictures; and it says so."""
    before, old = seen(sandbox), job(sandbox, commits[0])
    if how == "tenantry":
        done = sandbox.tenantry("up", "--stack", "shared", check=False, **old)
        assert done.returncode == 2
    else:
        done = sandbox.pulumi("up", "-s", "shared", "--yes", "--skip-preview", **old)
    assert f"is older than commit {commits[1][:10]}" in done.stdout + done.stderr
    assert seen(sandbox) == before
    assert sandbox.up() == {"shared": {}, "acme": {}}  # nothing of it in the state either


def test_an_older_file_of_a_dedicated_tenant_is_refused(sandbox: Sandbox, commits: list[str]) -> None:
    old = job(sandbox, commits[0])
    for done in (sandbox.tenantry("up", "acme", check=False, **old), sandbox.pulumi("up", "-s", "acme", "--yes", check=False, **old)):
        assert done.returncode != 0
        assert "is older than" in done.stdout + done.stderr
    assert sandbox.up("acme") == {"acme": {}}


def test_whoever_means_the_older_file_says_so(sandbox: Sandbox, commits: list[str]) -> None:
    sandbox.tenantry("up", "acme", "--accept-older", **job(sandbox, commits[0]))
    with sandbox.sql(naming.CONTROL_DATABASE) as admin:
        assert admin.execute("SELECT count(*) FROM control.audit_log WHERE action = 'accept-older'").fetchone() == (1,)
    assert sandbox.up("acme")["acme"]  # the newer one wins by itself


def test_a_merge_about_another_lets_nobody_in_whom_a_command_shut_out(sandbox: Sandbox, commits: list[str]) -> None:
    """G2: from a checkout that does not have the line which the command wrote."""
    sandbox.tenantry("suspend", "harbor")
    said = sandbox.tenantry("suspend", "harbor").stderr
    assert "git add -A -- " in said
    git(sandbox.tenants, "stash", "--quiet")
    sandbox.declare("birch", branding={"app_name": "Birch Two"})
    merged = job(sandbox, commit(sandbox))
    for run in (
        lambda: sandbox.tenantry("up", "--stack", "shared", **merged),
        lambda: sandbox.pulumi("up", "-s", "shared", "--yes", "--skip-preview", **merged),
    ):
        done = run()
        assert "harbor stays suspended (suspend by " in done.stdout + done.stderr
        assert ("harbor", "suspended") in [row[:2] for row in seen(sandbox)[0]]
        with sandbox.sql() as admin:
            assert admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [naming.tenant_app("harbor")]).fetchone() == (
                False,
            )
    status = {row["slug"]: row for row in json.loads(sandbox.tenantry("status", "--json", **merged).stdout)}
    assert status["harbor"]["applied"]
    assert "merge state: suspended" in sandbox.tenantry("status", **merged).stdout
    git(sandbox.tenants, "stash", "pop", "--quiet")
    commit(sandbox)
    sandbox.up()
    assert "stays" not in sandbox.tenantry("status").stdout
    sandbox.tenantry("reactivate", "harbor")


def test_the_file_of_a_deleted_tenant_stops_nobody(sandbox: Sandbox, commits: list[str]) -> None:
    """G11: it is still merged, and the cell's others go on."""
    sandbox.tenantry("offboard", "cedar")
    sandbox.tenantry("local", "end-hold", "cedar")
    sandbox.tenantry("offboard", "cedar", "--delete", "--yes-delete", "cedar")
    git(sandbox.tenants, "checkout", "--quiet", "HEAD", "--", "cedar.yaml")
    sandbox.declare("birch", branding={"app_name": "Birch Three"})
    done = sandbox.tenantry("up", "--stack", "shared")
    assert "tenants/cedar.yaml is skipped" in done.stderr
    assert [row[0] for row in seen(sandbox)[0]] == ["acme", "birch", "harbor"]
    refused = sandbox.tenantry("up", "cedar", check=False)
    assert refused.returncode == 2
    Path(sandbox.tenants / "cedar.yaml").unlink()
