"""Custom host names that change hands: moved in one command, or refused before anything with the order that works; never lost."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from tenantry import naming

pytestmark = pytest.mark.engine

MEMBERS, SHOP, PORTAL = "members.harbor.example", "shop.print.example", "portal.acme.example"
BLOCKED = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"


def declare(platform, **domains):
    """The three tenants; acme has a stack of its own."""
    for slug, isolation in (("harbor", "rls"), ("print", "schema"), ("acme", "database")):
        platform.declare(slug, isolation=isolation, domains=list(domains.get(slug, ())))


@pytest.fixture(scope="module")
def platform(sandbox):
    declare(sandbox, harbor=[MEMBERS], print=[SHOP], acme=[PORTAL])
    sandbox.up()
    return sandbox


def cloudflare(platform) -> dict[str, str]:
    """Host name → id at Cloudflare."""
    env = platform.environment
    answer = httpx.get(
        f"{env['CLOUDFLARE_BASE_URL']}/zones/7e4a9d0c51b34f6f8a2d3c9b1e6075aa/custom_hostnames",
        headers={"Authorization": f"Bearer {env['CLOUDFLARE_API_TOKEN']}"},
    )
    return {entry["hostname"]: entry["id"] for entry in answer.raise_for_status().json()["result"]}


def owners(platform) -> dict[str, tuple[str, str, str]]:
    """Host name → the tenant that the registry leads to, and whose the claim is."""
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        registry = dict(
            admin.execute(
                "SELECT d.host, t.slug FROM control.tenant_domains d JOIN control.tenants t ON t.id = d.tenant_id WHERE d.kind = 'custom'"
            ).fetchall()
        )
    with platform.sql() as admin:
        claims = admin.execute("SELECT name, stack, tenant FROM tenantry_ledger.claims WHERE kind = 'hostname' AND wanted").fetchall()
    return {name: (registry.get(name, ""), stack, tenant) for name, stack, tenant in claims}


def planned(platform, stack):
    """What a bare `pulumi preview` would do: (operation, logical name)."""
    steps = json.loads(platform.pulumi("preview", "-s", stack, "--json").stdout)["steps"]
    return {(step["op"], step["urn"].rsplit("::", 1)[1]) for step in steps if step["op"] not in ("same", "read")}


def held(platform, stack):
    """What the engine remembers of the stack's resources."""
    return [(each["urn"], each.get("id"), each.get("inputs")) for each in platform.state(stack)["resources"] if each.get("custom")]


def refused(platform, stack, *words):
    """Bare `preview` and `up` of the stack say the words, and nothing is touched."""
    before = cloudflare(platform), owners(platform), held(platform, stack)
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done = platform.pulumi(*command, "-s", stack, check=False)
        assert done.returncode != 0
        for word in words:
            assert word in done.stdout + done.stderr
    assert (cloudflare(platform), owners(platform), held(platform, stack)) == before


def test_a_host_name_passes_to_another_tenant_of_the_stack_as_it_stands(platform):
    """One bare run: nothing is made or removed at Cloudflare, and registry, claim and answers follow. Any part may come first."""
    there = cloudflare(platform)
    declare(platform, print=[SHOP, MEMBERS], acme=[PORTAL])
    assert planned(platform, "shared") == {("update", "harbor-record"), ("update", "print-record"), ("delete", "harbor-domain")}
    urn = next(each["urn"] for each in platform.state("shared")["resources"] if each["urn"].endswith("::print-config"))
    platform.pulumi("up", "-s", "shared", "--yes", "--skip-preview", "--target", urn)
    platform.pulumi("up", "-s", "shared", "--yes", "--skip-preview")
    assert cloudflare(platform) == there
    assert owners(platform) == {
        MEMBERS: ("print", "shared", "print"), SHOP: ("print", "shared", "print"), PORTAL: ("acme", "acme", "acme"),
    }  # fmt: skip
    assert platform.tenantry("resolve", MEMBERS).stdout.split() == ["active", "print"]
    assert planned(platform, "shared") == set()


def test_an_exchange_within_the_stack_survives_a_kill(platform):
    """One record is changed, the other waits, everything is killed: the next run ends the exchange, and still nothing is made anew."""
    there = cloudflare(platform)
    declare(platform, harbor=[SHOP], print=[MEMBERS], acme=[PORTAL])
    with platform.sql(naming.CONTROL_DATABASE) as admin, admin.transaction():
        admin.execute("SELECT FROM control.tenants WHERE slug = 'print' FOR NO KEY UPDATE")
        run = platform.start("up", "--stack", "shared")
        with platform.sql() as looking:
            while not looking.execute(BLOCKED, [naming.CONTROL_DATABASE]).fetchone():
                assert run.poll() is None, run.stdout.read()
                time.sleep(0.05)
        platform.kill(run)
    platform.up("--stack", "shared")
    assert cloudflare(platform) == there
    assert owners(platform) == {
        MEMBERS: ("print", "shared", "print"), SHOP: ("harbor", "shared", "harbor"), PORTAL: ("acme", "acme", "acme"),
    }  # fmt: skip
    assert platform.up("--stack", "shared") == {"shared": {}}


def test_between_two_stacks_the_giver_goes_first(platform):
    """The taker is refused with the command that is missing; a bare run of the giver is enough for it."""
    declare(platform, harbor=[SHOP, PORTAL], print=[MEMBERS])
    words = f"the host name {PORTAL} is still the stack acme's, which gives it up", "tenantry up --stack acme, then this"
    refused(platform, "shared", *words)
    platform.pulumi("up", "-s", "acme", "--yes", "--skip-preview")
    platform.pulumi("up", "-s", "shared", "--yes", "--skip-preview")
    assert set(cloudflare(platform)) == {MEMBERS, SHOP, PORTAL}
    assert owners(platform)[PORTAL] == ("harbor", "shared", "harbor")
    assert planned(platform, "shared") == set()


def test_all_stacks_run_in_the_order_that_works(platform):
    """Back to the stack of its own, and from there to the cell again: one command each."""
    for domains, owner in (({"acme": [PORTAL]}, ("acme", "acme", "acme")), ({"harbor": [PORTAL]}, ("harbor", "shared", "harbor"))):
        declare(platform, print=[MEMBERS, SHOP], **domains)
        assert platform.tenantry("preview", "--all").returncode == 0
        platform.up("--all")
        assert owners(platform)[PORTAL] == owner
        assert set(cloudflare(platform)) == {MEMBERS, SHOP, PORTAL}
    assert platform.up("--all") == {"shared": {}, "acme": {}}


def test_an_exchange_between_two_stacks_takes_two_steps(platform):
    """Neither can go first, and that is said with the steps; they work."""
    declare(platform, print=[SHOP], harbor=[PORTAL], acme=[MEMBERS])
    platform.up("--all")
    declare(platform, print=[SHOP], harbor=[MEMBERS], acme=[PORTAL])
    refused(
        platform, "acme", f"the stacks acme and shared exchange host names ({MEMBERS}, {PORTAL}): neither can go first", "tenantry up --all"
    )


def test_a_targeted_run_that_entered_a_tenant_does_not_hold_the_cell(platform):
    """Its file is taken back before it was ever made: the next run says so and goes on, and doctor has nothing to say."""
    declare(platform, print=[SHOP], harbor=[PORTAL], acme=[MEMBERS])
    platform.declare("orchid", isolation="schema", domains=["www.orchid.example"])
    urn = next(each["urn"] for each in platform.state("shared")["resources"] if each["urn"].endswith("::print-config"))
    platform.pulumi("up", "-s", "shared", "--yes", "--skip-preview", "--target", urn)
    with platform.sql() as admin:
        assert admin.execute("SELECT count(*) FROM tenantry_ledger.claims WHERE tenant = 'orchid'").fetchone() == (2,)
    platform.remove_file("orchid")
    assert "tenant orchid was entered and never made: it is let go" in platform.pulumi("preview", "-s", "shared").stdout
    assert "tenant orchid was entered and never made: it is let go" in platform.tenantry("up", "--stack", "shared").stdout
    with platform.sql() as admin:
        assert admin.execute("SELECT FROM tenantry_ledger.claims WHERE tenant = 'orchid'").fetchall() == []
        assert admin.execute("SELECT FROM tenantry_ledger.tenants WHERE slug = 'orchid'").fetchall() == []
