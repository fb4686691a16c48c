"""A run killed at any moment is finished by the next one: no orphan, no duplicate, no manual step."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter

import httpx
import pytest

from tenantry import naming
from tenantry.control import engines
from tests import commands, containers
from tests.volume import volume
from tests.waiting import wait_for

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def sandbox(empty_sandbox):
    """The first runs make the platform itself."""
    return empty_sandbox


def killed_after(sandbox, lines, *arguments):
    """`tenantry up`, killed after so many reported changes; False when it was done before."""
    process = sandbox.start("up", *arguments)
    seen = 0
    for line in process.stdout:
        seen += ": create " in line or ": adopt " in line
        if seen >= lines:
            break
    running = process.poll() is None
    sandbox.kill(process)
    return running


def cloudflare(sandbox, path):
    env = sandbox.environment
    answer = httpx.get(
        f"{env['CLOUDFLARE_BASE_URL']}/zones/7e4a9d0c51b34f6f8a2d3c9b1e6075aa/{path}?per_page=100",
        headers={"Authorization": f"Bearer {env['CLOUDFLARE_API_TOKEN']}"},
    )
    answer.raise_for_status()
    return answer.json()["result"]


def check_nothing_is_double_or_left(sandbox, stacks):
    """Everything that exists is in exactly one state, and everything in a state exists once."""
    resources = [r for stack in stacks for r in sandbox.state(stack).get("resources", []) if r.get("custom")]
    ids = Counter((r["type"], r["id"]) for r in resources if r["type"].split(":")[0] in ("postgresql", "cloudflare", "pulumi-python"))
    assert not [key for key, n in ids.items() if n > 1 and key[0].rsplit(":", 1)[-1] not in ("ConfigurationRows", "TenantRecord")]
    known = {kind: {r["id"] for r in resources if r["type"] == kind} for kind in {r["type"] for r in resources}}
    assert {r["id"] for r in cloudflare(sandbox, "dns_records")} == known["cloudflare:index/dnsRecord:DnsRecord"]
    assert {h["id"] for h in cloudflare(sandbox, "custom_hostnames")} == known.get("cloudflare:index/customHostname:CustomHostname", set())
    with sandbox.sql() as admin:
        roles = {row[0] for row in admin.execute(r"SELECT rolname FROM pg_roles WHERE rolname LIKE '%\_\_%'")}
        databases = {
            row[0] for row in admin.execute("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
        }
    # The template is one resource of our own, with a role.
    template = known["pulumi-python:dynamic/tenantry:Template"]
    assert roles == known["postgresql:index/role:Role"] | {f"{name}__owner" for name in template}
    assert databases == known["postgresql:index/database:Database"] | template
    with sandbox.sql(naming.CONTROL_DATABASE) as admin:
        invitations, tenants = admin.execute("SELECT count(*), count(DISTINCT tenant_id) FROM control.invitations").fetchone()
    assert invitations == tenants == len(known["pulumi-python:dynamic/tenantry:TenantRecord"])


# After how many changes a run is killed. The first ones all hit the making of the platform itself, one after the other.
PLATFORM_POINTS = (2, 6, 9, 5, 8)
SHARED_POINTS = (1, 3, 5, 7, 9)
DEDICATED_POINTS = (2, 5, 8, 10, 12)


def killed_in_turn(sandbox, points, *arguments):
    """How many of the runs were interrupted, each of which goes on where the one before was killed; then one that ends."""
    interrupted = sum(killed_after(sandbox, point, *arguments) for point in points)
    sandbox.up(*arguments)
    return interrupted


@pytest.mark.volume
def test_killed_at_many_points(sandbox):
    """Killed from the platform's first role to a tenant's last object, in turn or each run by itself: the next run ends it cleanly."""
    sandbox.declare("first-k", isolation="schema", domains=["www.first-k.example"])
    interrupted = killed_in_turn(sandbox, PLATFORM_POINTS, "--stack", "shared")
    stacks = ["shared"]
    check_nothing_is_double_or_left(sandbox, stacks)
    for number, points in enumerate(volume(((1, 7),), [(point,) for point in SHARED_POINTS])):
        sandbox.declare(f"sch{number}-k", isolation="schema", domains=[f"www.sch{number}-k.example"])
        interrupted += killed_in_turn(sandbox, points, "--stack", "shared")
        check_nothing_is_double_or_left(sandbox, stacks)
    for number, points in enumerate(volume(((2, 10),), [(point,) for point in DEDICATED_POINTS])):
        slug = f"dat{number}-k"
        stacks.append(slug)
        sandbox.declare(slug, isolation="database", domains=[f"www.{slug}.example"])
        interrupted += killed_in_turn(sandbox, points, slug)
        check_nothing_is_double_or_left(sandbox, stacks)
    assert interrupted >= volume(8, 12)
    assert all(changes == {} for changes in sandbox.up().values())


def test_a_killed_bulk_run_that_saved_nothing_is_adopted(sandbox):
    """Six tenants at once are saved only at the end: killed before that, all they made is found and taken over."""
    sandbox.up("--stack", "shared")
    before = len(sandbox.state("shared")["resources"])
    for number in range(6):
        sandbox.declare(f"bulk{number}-k", isolation="schema", domains=[f"www.bulk{number}-k.example"])
    assert killed_after(sandbox, 40, "--stack", "shared")
    assert len(sandbox.state("shared")["resources"]) == before
    sandbox.up("--stack", "shared")
    check_nothing_is_double_or_left(sandbox, ["shared", *(file.stem for file in sandbox.tenants.glob("dat*.yaml"))])
    assert sandbox.up("--stack", "shared") == {"shared": {}}


def test_a_live_run_keeps_others_out_and_a_dead_one_does_not(sandbox):
    """Two runs of one stack at once: the second is refused and says who is at work; after a SIGKILL the next one just runs."""
    sandbox.declare("lock-one", isolation="schema")
    first = sandbox.start("up", "--stack", "shared")
    assert any(": create " in line for line in first.stdout)
    os.killpg(first.pid, signal.SIGSTOP)  # it cannot end before the second has looked
    refused = sandbox.tenantry("up", "--stack", "shared", check=False)
    os.killpg(first.pid, signal.SIGCONT)
    output, _ = first.communicate(timeout=120)
    assert first.returncode == 0, output
    assert refused.returncode == 1
    assert re.search(r"another run is at work on the stack shared \(process \d+ of role \w+, tenantry \d+@", refused.stderr)
    assert "waiting for" not in refused.stderr, "it was refused at once"
    sandbox.declare("lock-two", isolation="schema")
    assert killed_after(sandbox, 1, "--stack", "shared")
    sandbox.up("--stack", "shared")


def test_a_bare_pulumi_run_is_respected(sandbox):
    """The lock of a living `pulumi up` stops `tenantry up` from wherever; that of a dead one is removed where its death can be seen."""
    sandbox.up("--stack", "shared")
    sandbox.declare("bare-one", isolation="schema")
    bare = sandbox.process("pulumi", "up", "-s", "shared", "--yes", "--skip-preview", "--non-interactive")
    folder = sandbox.cloud.home.state / ".pulumi" / "locks"
    with sandbox.sql() as admin:
        wait_for(lambda: (last := engines.read(admin, "shared")) and {file.stem for file in folder.rglob("*.json")} == set(last.locks))
    os.killpg(bare.pid, signal.SIGSTOP)
    held = f"a pulumi run holds the stack shared (process {bare.pid} of "
    refused = sandbox.tenantry("up", "--stack", "shared", check=False)
    assert refused.returncode == 1
    assert held in refused.stderr
    refused = commands.run(sandbox.environment, "up", "--stack", "shared", before=containers.another)
    assert refused.returncode == 1
    assert held in refused.stderr
    assert "pulumi cancel --stack shared" in refused.stderr
    sandbox.kill(bare)
    refused = commands.run(sandbox.environment, "up", "--stack", "shared", before=containers.another)
    assert held in refused.stderr, "not even then: nobody there can know"
    sandbox.up("--stack", "shared")
    assert sandbox.up("--stack", "shared") == {"shared": {}}


def test_what_a_killed_run_had_begun_is_settled_by_the_next_of_tenantry(sandbox):
    """`pulumi cancel`, then a bare run that makes everything: the mark stays, and its way out is named."""
    sandbox.up("--stack", "shared")
    file = sandbox.state_file("shared")
    content = json.loads(file.read_text())
    latest = content["checkpoint"]["latest"]
    begun = next(resource for resource in latest["resources"] if resource["type"].endswith(":Template"))
    latest["pending_operations"] = [{"resource": begun, "type": "creating"}]
    file.write_text(json.dumps(content))
    bare = sandbox.pulumi("up", "-s", "shared", "--yes", "--skip-preview").stdout
    assert "warning: a killed run had begun, and nobody has settled: creating platform-template; tenantry up --stack shared" in bare
    assert sandbox.state("shared")["pending_operations"]
    assert sandbox.up("--stack", "shared") == {"shared": {}}
    assert not sandbox.state("shared").get("pending_operations")
