"""Who is called applied is as declared, whatever was typed; and a stack is run with its own state or not at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import psycopg
import pytest
import yaml

from tenantry import naming
from tests.engine.conftest import CLONE

pytestmark = pytest.mark.engine

MEMBERS = "members.harbor.example"
AWAY = {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:9/client/v4"}


def declare(platform, *, users=10, domains=(MEMBERS,), **fields):
    platform.declare("birch", isolation="rls", limits={"users": users})
    platform.declare("harbor", isolation="schema", domains=list(domains), limits={"users": users}, **fields)


@pytest.fixture(scope="module")
def platform(sandbox):
    declare(sandbox)
    sandbox.declare("acme", isolation="database")
    sandbox.up()
    return sandbox


@pytest.fixture(autouse=True)
def _at_rest(platform):
    """Each test ends as it began, by what it was told to type."""
    yield
    declare(platform)
    platform.up()
    assert applied(platform) == {"acme", "birch", "harbor"}


def applied(platform) -> set[str]:
    """Who is called so. Doctor and status are of one mind."""
    rows = json.loads(platform.tenantry("status", "--json").stdout)
    found = {row["slug"] for row in rows if row["applied"]}
    checks = {check["check"]: check for check in json.loads(platform.tenantry("doctor", "--json", check=False).stdout)}
    assert (f"{len(rows)} tenants, all as declared" == checks["applied"]["found"]) == (len(found) == len(rows))
    return found


def bare(platform, *arguments, stack="shared", check=True, **variables):
    return platform.pulumi("up", "-s", stack, "--yes", "--skip-preview", *arguments, check=check, **variables)


def urn(platform, name, stack="shared") -> str:
    return next(each["urn"] for each in platform.state(stack)["resources"] if each["urn"].endswith(f"::{name}"))


def users(platform, slug) -> int:
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        return admin.execute("SELECT (limits->>'users')::int FROM control.tenants WHERE slug = %s", [slug]).fetchone()[0]


def log_in(platform, role, password, database="cell_main") -> None:
    if role == naming.CONTROL_DIRECTORY:
        database = naming.CONTROL_DATABASE
    platform.sql(database, user=role, password=password).close()


def test_a_bare_run_is_believed_when_it_was_whole(platform):
    """`pulumi up` of everything that ended well; and a refresh after it changes nothing."""
    declare(platform, users=20)
    assert applied(platform) == {"acme"}
    bare(platform)
    assert applied(platform) == {"acme", "birch", "harbor"}
    platform.pulumi("refresh", "-s", "shared", "--yes", "--skip-preview")
    assert applied(platform) == {"acme", "birch", "harbor"}


def test_a_run_that_left_something_out_applies_nobody_whose_file_had_changed(platform):
    """P1: `--target`, and an option set by a variable; `provision` applies what is left, and the stack's other tenants are as they were."""
    declare(platform, users=30)
    platform.declare("birch", isolation="rls", limits={"users": 10})
    bare(platform, "--target", urn(platform, "birch-record"))
    assert applied(platform) == {"acme", "birch"}
    assert users(platform, "harbor") == 10
    bare(platform, PULUMI_OPTION_TARGET=urn(platform, "birch-record"))
    assert "harbor" not in applied(platform)
    platform.tenantry("provision", "harbor")
    assert users(platform, "harbor") == 30
    assert applied(platform) == {"acme", "birch", "harbor"}


def test_a_removal_that_failed_is_not_done(platform):
    """P2: the host name is still at Cloudflare, and that is said until it is gone; then a `destroy` by hand."""
    declare(platform, domains=())
    bare(platform, check=False, **AWAY)
    assert applied(platform) == {"acme", "birch"}
    platform.up()
    assert applied(platform) == {"acme", "birch", "harbor"}
    platform.pulumi("destroy", "-s", "acme", "--exclude-protected", "--yes", "--skip-preview")
    assert applied(platform) == {"birch", "harbor"}


def test_another_place_of_states_is_refused(platform):
    """P3: twice, since a run that was refused writes a state, too; with where the right one was seen. A renamed stack is told how
    it gets its name back."""
    password = platform.outputs("acme")["password"]
    elsewhere = platform.root / "elsewhere"
    elsewhere.mkdir()
    there = {"PULUMI_BACKEND_URL": f"file://{elsewhere}"}
    assert "is not in file://" in platform.tenantry("up", "acme", check=False, **there).stderr
    for _ in range(2):
        done = bare(platform, stack="acme", check=False, **there)
        assert "the state of the stack acme is not in file://" in done.stdout
        assert str(platform.cloud.home.state) in done.stdout
    log_in(platform, "t_acme__app", password, "t_acme")
    platform.pulumi("stack", "rename", "acme3", "-s", "acme")
    done = bare(platform, stack="acme3", check=False)
    assert "pulumi stack rename acme --stack acme3" in done.stdout
    platform.pulumi("stack", "rename", "acme", "-s", "acme3")
    shutil.rmtree(elsewhere)


def test_an_inline_program_goes_on_after_an_interrupted_run(platform):
    """P16: the Automation API runs the program in a folder that is not the project's, and the state is found all the same."""
    with platform.sql() as admin:
        admin.execute("UPDATE tenantry_ledger.runs SET finished_at = NULL WHERE stack = 'acme'")
    program = (
        "import runpy; from pulumi import automation\n"
        f"run = lambda: runpy.run_path({str(CLONE / '__main__.py')!r}, run_name='__main__')\n"
        "done = automation.select_stack('acme', project_name='tenantry', program=run).up(on_output=print)\n"
        "print(done.summary.result)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=platform.environment, cwd=platform.root, capture_output=True, text=True)
    assert done.stdout.endswith("succeeded\n"), done.stderr
    assert applied(platform) == {"acme", "birch", "harbor"}


def test_an_older_state_and_a_lost_one_are_refused_until_adopted(platform):
    """D2, P3: refused as often as it is tried, and after a refresh; adopting keeps every log-in, and makes nothing twice."""
    older = platform.root / "older.json"
    older.write_text(platform.pulumi("stack", "export", "-s", "shared").stdout, encoding="utf-8")
    declare(platform, state="suspended")  # changes what only the state knows the password of
    platform.up("--stack", "shared")
    newer = platform.pulumi("stack", "export", "-s", "shared").stdout
    platform.pulumi("stack", "import", "-s", "shared", "--file", str(older))
    for _ in range(2):
        assert "is older than what was seen of it" in bare(platform, check=False).stdout
        platform.pulumi("refresh", "-s", "shared", "--yes", "--skip-preview")
    older.write_text(newer, encoding="utf-8")
    platform.pulumi("stack", "import", "-s", "shared", "--file", str(older))
    declare(platform)
    platform.up("--stack", "shared")
    before = platform.outputs("shared")["credentials"]

    file = platform.state_file("shared")
    file.unlink()
    refused = platform.tenantry("up", "--stack", "shared", check=False)
    assert "tenantry state adopt shared" in refused.stderr
    done = json.loads(platform.tenantry("state", "adopt", "shared", "--json").stdout)
    assert {"cell_main__app", "t_harbor__app", "tenantry__app", "tenantry__directory"} == set(done["passwords_unknown"])
    for role, password in before.items():
        log_in(platform, role, password)
    assert platform.outputs("shared")["credentials"] == {}
    assert platform.up("--stack", "shared") == {"shared": {}}
    platform.tenantry("state", "adopt", "shared", "--new-passwords")
    after = platform.outputs("shared")["credentials"]
    assert set(after) == set(before)
    for role, password in after.items():
        log_in(platform, role, password)
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            log_in(platform, role, before[role])


def test_a_lost_ledger_is_made_again_of_state_and_registry(platform):
    """D5: refused with the command; afterwards nothing is to do."""
    with platform.sql() as admin:
        admin.execute("DROP SCHEMA tenantry_ledger CASCADE")
    assert "tenantry state adopt shared" in platform.tenantry("up", "--stack", "shared", check=False).stderr
    password = platform.outputs("acme")["password"]
    for stack in ("shared", "acme"):
        platform.tenantry("state", "adopt", stack)
    assert platform.up() == {"shared": {}, "acme": {}}
    log_in(platform, "t_acme__app", password, "t_acme")
    assert json.loads(platform.tenantry("state", "list", "--json").stdout)[0]["problem"] == ""


def test_a_scratch_platform_can_be_destroyed_and_made_again(platform):
    """P11: with `protect` off, `pulumi destroy` of the tenants' stacks and then of the cell ends, and leaves nothing that the next `up`
    trips over: neither the ledger nor an empty state is in its way."""
    project = platform.root / "scratch"
    project.mkdir()
    for name in ("__main__.py", "migrations", "components"):
        (project / name).symlink_to(CLONE / name)
    settings = yaml.safe_load((CLONE / "Pulumi.yaml").read_text(encoding="utf-8"))
    settings["config"]["protect"]["default"] = "false"
    (project / "Pulumi.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def pulumi(*arguments):
        done = subprocess.run(
            ["pulumi", *arguments, "--yes", "--skip-preview", "--non-interactive"],
            env=platform.environment, cwd=project, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    for stack in ("shared", "acme"):
        pulumi("up", "-s", stack)
    for stack in ("acme", "shared"):
        pulumi("destroy", "-s", stack)
    with platform.sql() as admin:
        ours = (
            "SELECT datname FROM pg_database WHERE datname ~ '^(t_|cell_|tenantry)' UNION SELECT rolname FROM pg_roles WHERE rolname ~ '__'"
        )
        assert admin.execute(ours).fetchall() == []
