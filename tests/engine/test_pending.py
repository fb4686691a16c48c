"""`provision --pending`: what is not as declared is found by asking the platform, and each stack is made by one run of the engine."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests import checkout
from tests.engine.provisioning import check_welcomed_once, control, mails_to, runs_of

pytestmark = pytest.mark.engine

EVERYBODY = {"birch": {}, "cedar": {"isolation": "schema"}, "harbor": {"isolation": "database"}, "maple": {"cell": "west"}}


@pytest.fixture(scope="module")
def platform(sandbox):
    """Two cells, of which one has two pooled tenants, and a tenant with a stack of its own; nobody was ever welcomed."""
    defaults = sandbox.tenants / "defaults"
    defaults.unlink()
    defaults.mkdir()
    for file in checkout.DEFAULTS.iterdir():
        (defaults / file.name).write_text(file.read_text())
    for slug, fields in EVERYBODY.items():
        sandbox.declare(slug, **fields)
    sandbox.up()
    return sandbox


@pytest.fixture(autouse=True)
def _at_rest(platform):
    """Each test ends with nothing pending."""
    yield
    assert pending(platform)["runs"] == []


def pending(platform, *arguments, code=0, **environment):
    """What was edited is merged, and the pipeline runs."""
    checkout.git(platform.tenants, "add", "--all")
    checkout.git(platform.tenants, "commit", "--quiet", "--allow-empty", "--message", "Merge")
    done = platform.tenantry("provision", "--pending", *arguments, "--json", check=False, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def outcomes(said):
    return {each["slug"]: each["outcome"] for each in said["tenants"]}


def engine_runs(platform, stack):
    """So many times has the engine run on the stack."""
    return len(list((platform.cloud.home.state / ".pulumi" / "history" / "tenantry" / stack).glob("*.history.json")))


def row(platform, slug):
    with control(platform) as registry:
        return registry.execute("SELECT * FROM tenants WHERE slug = %s", [slug]).fetchone()


def colour(platform, slug):
    with control(platform) as registry:
        return registry.execute(
            "SELECT config_value FROM tenant_configurations JOIN tenants t ON t.id = tenant_id"
            " WHERE slug = %s AND config_key = 'theme.primary'",
            [slug],
        ).fetchone()["config_value"]


def test_a_state_in_a_pull_request_does_what_the_command_does(platform):
    """G1: of a tenant with a stack of its own and of a pooled one; later merges leave it so, and each stack had one run of the engine."""
    before = {stack: engine_runs(platform, stack) for stack in ("shared", "harbor")}
    platform.declare("harbor", **EVERYBODY["harbor"], state="suspended")
    platform.declare("cedar", **EVERYBODY["cedar"], state="suspended")
    platform.declare("birch", theme={"primary": "#102030"})
    said = pending(platform)
    assert outcomes(said) == {"birch": "made", "cedar": "suspended", "harbor": "suspended", "maple": "applied"}
    assert {stack: engine_runs(platform, stack) - runs for stack, runs in before.items()} == {"shared": 1, "harbor": 1}
    for slug in ("harbor", "cedar"):
        assert row(platform, slug)["state"] == "suspended"
        with platform.sql() as admin:
            assert not admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [f"t_{slug}__app"]).fetchone()[0]
        (run,) = [run for run in runs_of(platform, slug) if run["kind"] == "suspend"]
        assert (run["state"], run["via"]) == ("done", "pull-request")
        assert ["suspended" in mail.text for mail in mails_to(platform, f"ada@{slug}.example")] == [True]
    platform.declare("birch", theme={"primary": "#203040"})
    pending(platform)
    assert (row(platform, "cedar")["state"], row(platform, "harbor")["state"]) == ("suspended", "suspended")
    for slug in ("harbor", "cedar", "birch"):
        platform.declare(slug, **EVERYBODY[slug])
    assert outcomes(pending(platform)) == {"birch": "made", "cedar": "active", "harbor": "active", "maple": "applied"}


def test_what_a_cancelled_pipeline_left_is_found(platform):
    """G6, N15: merge A's pipeline never ran, that of B finds both; and a run that failed is found again after its cause was mended."""
    platform.declare("harbor", **EVERYBODY["harbor"], theme={"primary": "#111111"})
    platform.declare("birch", theme={"primary": "#222222"})
    said = pending(platform)
    assert outcomes(said) == {"birch": "made", "cedar": "applied", "harbor": "made", "maple": "applied"}
    assert (colour(platform, "harbor"), colour(platform, "birch")) == ("#111111", "#222222")
    assert "birch: made (declaration)" in platform.tenantry("log", "birch").stdout
    platform.declare("oak", isolation="schema")
    with platform.sql() as admin:
        admin.execute("CREATE ROLE t_oak__app")
    failed = platform.tenantry("provision", "--pending", check=False)
    assert failed.returncode == 1
    assert "role t_oak__app is on the server already" in failed.stderr
    with platform.sql() as admin:
        admin.execute("DROP ROLE t_oak__app")
    platform.declare("birch", theme={"primary": "#333333"})  # the next merge: another declaration, so another run
    assert outcomes(pending(platform))["oak"] == "made"
    assert colour(platform, "birch") == "#333333"
    check_welcomed_once(platform, "oak")
    platform.declare("oak", isolation="schema", state="offboarding")
    pending(platform)


def test_a_file_that_went_and_came_back_is_nobody_new(platform):
    """G8, G9: the removal is exit 2, in which the others are made; the return welcomes nobody."""
    platform.remove_file("maple")
    platform.declare("harbor", **EVERYBODY["harbor"], theme={"primary": "#444444"})
    refused = platform.tenantry("provision", "--pending", check=False)
    assert refused.returncode == 2
    assert "tenants/maple.yaml is gone but the tenant maple is not" in refused.stdout
    assert colour(platform, "harbor") == "#444444"
    platform.declare("maple", **EVERYBODY["maple"])
    assert outcomes(pending(platform))["maple"] == "applied"
    assert mails_to(platform, "ada@maple.example") == []


def test_a_tier_default_is_one_run_of_the_engine_for_each_stack(platform):
    """G10, with new tenants beside: two cells, two runs; each tenant has its line, and the new ones one welcome mail each."""
    before = {stack: engine_runs(platform, stack) for stack in ("shared", "shared-west", "harbor")}
    tier = platform.tenants / "defaults" / "starter.yaml"
    was = tier.read_text()
    defaults = yaml.safe_load(was)
    defaults.setdefault("limits", {})["users"] = 77
    tier.write_text(yaml.safe_dump(defaults))
    for slug in ("aspen", "alder"):
        platform.declare(slug)
    said = pending(platform, TENANTRY_ACTOR="merge 4f2a")
    assert {run["kind"] for run in said["runs"]} == {"apply"}
    assert len(said["runs"]) == 3
    assert {stack: engine_runs(platform, stack) - runs for stack, runs in before.items()} == dict.fromkeys(before, 1)
    for slug in ("aspen", "alder"):
        check_welcomed_once(platform, slug)
        log = platform.tenantry("log", slug).stdout
        assert "apply shared: done, asked for by merge 4f2a (pull-request, commit" in log
        assert re.search(rf"{slug}: made( by another run)? \(new\)", log)
    text = platform.tenantry("provision", "--pending").stdout
    assert text == "nothing is pending: 7 tenants, all as declared\n"
    tier.write_text(was)
    pending(platform)
    for slug in ("aspen", "alder"):
        check_welcomed_once(platform, slug)
