"""A deletion killed before and after every step: the same command goes on where it was, and leaves one record and nothing else."""

from __future__ import annotations

import time

import httpx
import pytest

from tenantry import naming
from tests.engine.offboarding import checksums, end_hold, found, plant
from tests.engine.provisioning import full_speed, is_lingering, slow_down
from tests.killing import killed_at
from tests.volume import volume

pytestmark = pytest.mark.engine

STEPS = 17
PARTS = range(7, 12)
"""Of one engine run: they begin together and end together, and what it has removed once does not begin again."""

ALL = [
    (number, state)
    for number in range(1, STEPS + 1)
    for state in ("running", "done")
    if state == "done" or number not in PARTS or number == PARTS.start
]
# The beginning of a step is the end of the one before it, and the parts of the engine's run end one right after the other.
FEW = [(number, state) for number, state in ALL if (number not in PARTS[1:-1] if state == "done" else number in (1, PARTS.start))]


@pytest.mark.volume
def test_killed_before_and_after_every_step(sandbox):
    """All of the worker, engine and plugins is killed at each point in turn; other tenants keep every byte."""
    slug, other = "hazel-nut", "stay-here"
    for name in (slug, other):
        sandbox.declare(name, isolation="schema", domains=[f"portal.{name}.example"])
    sandbox.up()
    plant(sandbox, other)
    words = plant(sandbox, slug)
    before = checksums(sandbox, [other])
    sandbox.tenantry("offboard", slug)
    end_hold(sandbox, slug)
    command = ("offboard", slug, "--delete", "--yes-delete", slug)
    for number, state in volume(FEW, ALL):
        slow_down(sandbox, number, state, 60)
        process = sandbox.start(*command)
        end = time.monotonic() + 120
        while process.poll() is None and not is_lingering(sandbox):
            assert time.monotonic() < end, f"{state} of step {number} was never reached"
            time.sleep(0.02)
        assert process.poll() is None, f"not killed at {state} of step {number}: {process.communicate()[0]}"
        sandbox.kill(process)
        with sandbox.sql() as admin:
            # The killed worker's backend would sleep on, holding its row.
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        full_speed(sandbox)
    sandbox.tenantry(*command)
    assert found(sandbox, words) == []
    assert checksums(sandbox, [other]) == before
    with sandbox.sql(naming.CONTROL_DATABASE) as control:
        assert control.execute("SELECT slug FROM control.deletion_records").fetchall() == [(slug,)]
        assert control.execute("SELECT state FROM control.runs WHERE kind = 'delete'").fetchall() == [("done",)]
        assert control.execute("SELECT count(*) FROM control.backups WHERE reason = 'final' AND state = 'done'").fetchone()[0] >= 1
    assert sandbox.up() == {"shared": {}}, "nothing is left to do"


def test_a_removal_whose_answer_was_lost_is_no_obstacle(sandbox):
    """Everything that a provider made for a tenant goes while the state still holds it, as after a DELETE that nobody heard the answer
    of: the official plugins answer the second DELETE with an error, and the deletion, past its point of no return, ends all the same."""
    slug = "lost-answer"
    sandbox.declare(slug, isolation="database", domains=[f"portal.{slug}.example"])
    sandbox.up(slug)
    plant(sandbox, slug)
    sandbox.tenantry("offboard", slug)
    end_hold(sandbox, slug)
    command = ("offboard", slug, "--delete", "--yes-delete", slug)
    # The first run takes the protection off, the second is the removal.
    assert killed_at(sandbox, "before tenantry.engine.automation:up", 2, *command)
    kinds = _remove_behind_the_engine(sandbox, slug)
    assert kinds == {"aws:s3/bucketObjectv2", "cloudflare:index/customHostname", "cloudflare:index/dnsRecord", "postgresql:index/database",
                     "postgresql:index/schema", "postgresql:index/role"}  # fmt: skip
    sandbox.tenantry(*command)
    with sandbox.sql(naming.CONTROL_DATABASE) as control:
        query = "SELECT count(*) FROM control.deletion_records WHERE slug = %s"
        assert control.execute(query, [slug]).fetchone() == (1,)
    assert sandbox.up() == {"shared": {}}, "nothing is left to do"


def _remove_behind_the_engine(sandbox, slug: str) -> set[str]:
    """Takes away what the providers made for the dedicated tenant; the kinds of what went."""
    env = sandbox.environment
    headers = {"Authorization": f"Bearer {env['CLOUDFLARE_API_TOKEN']}"}
    made = [
        (resource["type"].rpartition(":")[0], resource["outputs"])
        for resource in sandbox.state(slug)["resources"]
        if resource.get("custom") and not resource["type"].startswith(("pulumi:", "pulumi-python:"))
    ]
    for kind, outputs in sorted(made, key=lambda entry: entry[0]):  # databases before the roles that own them
        match kind:
            case "aws:s3/bucketObjectv2":
                sandbox.s3().delete_object(Bucket=outputs["bucket"], Key=outputs["key"])
            case "cloudflare:index/customHostname" | "cloudflare:index/dnsRecord":
                part = "custom_hostnames" if kind.endswith("customHostname") else "dns_records"
                path = f"{env['CLOUDFLARE_BASE_URL']}/zones/{outputs['zoneId']}/{part}/{outputs['id']}"
                httpx.delete(path, headers=headers).raise_for_status()
            case "postgresql:index/database" | "postgresql:index/role":
                with sandbox.sql() as admin:
                    force = " WITH (FORCE)" if kind.endswith("database") else ""
                    admin.execute(f"DROP {kind.rpartition('/')[2]} {outputs['name']}{force}")
            case "postgresql:index/schema":
                pass  # it went with its database
            case _:
                raise AssertionError(f"how does {kind} go?")
    return {kind for kind, _ in made}
