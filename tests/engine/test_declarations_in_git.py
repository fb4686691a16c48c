"""The service, a worker and an engineer with a clone, where declarations are on a branch; and where a forge decides about them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tenantry_client import AuthenticatedClient
from tenantry_client.api.proposals import proposals_one
from tenantry_client.api.runs import runs_listed
from tenantry_client.api.tenants import (
    tenants_declaration,
    tenants_declare,
    tenants_delete,
    tenants_edit,
    tenants_offboard,
    tenants_one,
    tenants_provision,
)
from tenantry_client.models import Deletion, NewTenantBody, NoBody, OffboardBody, TenantsEditBody

from tests import checkout
from tests.engine.offboarding import end_hold
from tests.engine.provisioning import STEPS, check_welcomed_once, runs_of
from tests.engine.serving import named, serving, watched
from tests.service.web import forge as fake
from tests.waiting import wait_for

pytestmark = pytest.mark.engine

SCOPES = ("tenants:read", "tenants:write", "tenants:lifecycle", "tenants:delete")
TRAILERS = "--format=%an|%s|%(trailers:key=Tenantry-Actor,valueonly,separator=)|%(trailers:key=Tenantry-Request,valueonly,separator=)|%H"


@contextmanager
def kept_in(platform: Any, **variables: str) -> Iterator[None]:
    """Every process of the platform finds the declarations there."""
    before = dict(platform.extra)
    platform.extra.update(variables)
    try:
        yield
    finally:
        platform.extra.clear()
        platform.extra.update(before)


def wanted(slug: str, *domains: str) -> NewTenantBody:
    admin = {"name": "Ada", "email": f"ada@{slug}.example"}
    return NewTenantBody.from_dict({"slug": slug, "tier": "starter", "isolation": "rls", "admin": admin, "domains": list(domains)})


def declare(api: AuthenticatedClient, slug: str, *domains: str) -> Any:
    return tenants_declare.sync_detailed(client=api, body=wanted(slug, *domains), idempotency_key=named())


def ask(api: AuthenticatedClient, call: Any, slug: str, body: Any = None) -> Any:
    return call.sync_detailed(slug, client=api, body=NoBody() if body is None else body, idempotency_key=named())


def edit(api: AuthenticatedClient, slug: str, patch: dict[str, Any]) -> Any:
    seen = tenants_declaration.sync_detailed(slug, client=api)
    return tenants_edit.sync_detailed(slug, client=api, body=TenantsEditBody.from_dict(patch), if_match=seen.headers["ETag"])


@pytest.fixture
def bare(sandbox) -> Path:
    """A bare repository whose branch ``main`` has the tiers, and no tenant."""
    seed, repository = sandbox.root / "seed", sandbox.root / "declarations.git"
    checkout.begin(seed)
    (seed / "tenants").mkdir(exist_ok=True)
    subprocess.run(["cp", "-rL", sandbox.tenants / "defaults", seed / "tenants"], check=True)
    checkout.git(seed, "add", ".")
    checkout.git(seed, "commit", "--quiet", "--message", "Tiers")
    checkout.git(sandbox.root, "clone", "--quiet", "--bare", str(seed), str(repository))
    checkout.git(repository, "remote", "remove", "origin")
    return repository


def test_a_life_with_the_declarations_on_a_branch(sandbox, bare):
    """Each change is a commit; the worker makes the commit that was asked for; and an engineer's clone is as good as the service's."""
    clone = sandbox.root / "clone"
    checkout.git(sandbox.root, "clone", "--quiet", str(bare), str(clone))

    def last() -> list[str]:
        return checkout.git(bare, "log", "-1", TRAILERS, "main").split("|")

    def nothing_to_preview() -> None:
        checkout.git(clone, "pull", "--quiet", "--rebase")
        sandbox.pulumi("preview", "-s", "shared", "--expect-no-changes", TENANTRY_TENANTS=str(clone / "tenants"), TENANTRY_DECLARATIONS="")

    where = {"TENANTRY_DECLARATIONS": f"git:{bare}#main", "XDG_CACHE_HOME": str(sandbox.root / "cache"), "TENANTRY_TENANTS": ""}
    with kept_in(sandbox, **where), serving(sandbox, *SCOPES, partner="ivy") as api:
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda slug: declare(api, slug, "portal.ivy.example"), ("ivy", "oak")))
        assert sorted(each.status_code for each in both) == [201, 409]
        assert [each.parsed.code for each in both if each.status_code == 409] == ["domain.taken"]
        slug = next(each.parsed.slug for each in both if each.status_code == 201)
        author, subject, actor, request, commit = last()
        assert (author, subject, actor) == ("portal", f"{slug}: declared", "portal (service)")
        assert UUID(request)
        steps, ended = watched(api, ask(api, tenants_provision, slug))
        assert (ended.state, sorted(steps)) == ("done", sorted(STEPS))
        (run,) = runs_of(sandbox, slug)
        assert run["commit"] == commit
        check_welcomed_once(sandbox, slug)
        nothing_to_preview()

        # An engineer pushes what the service has not seen, and the service commits what he has not.
        file = clone / "tenants" / f"{slug}.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace("tier: starter", "tier: business"), encoding="utf-8")
        checkout.git(clone, "commit", "--quiet", "--all", "--message", "Business")
        assert edit(api, slug, {"theme": {"primary": "#0a0b0c"}}).status_code == 200
        with pytest.raises(subprocess.CalledProcessError):
            checkout.git(clone, "push", "--quiet")
        checkout.git(clone, "pull", "--quiet", "--no-rebase", "--no-edit")
        checkout.git(clone, "push", "--quiet")
        assert len(checkout.git(bare, "log", "-1", "--format=%P", "main").split()) == 2, "his is a merge"
        assert edit(api, slug, {"name": "Ivy and Oak"}).status_code == 200
        assert watched(api, ask(api, tenants_provision, slug))[1].state == "done"
        found = tenants_one.sync(slug, client=api)
        assert (found.name, found.tier) == ("Ivy and Oak", "business")
        nothing_to_preview()

        assert watched(api, ask(api, tenants_offboard, slug, OffboardBody()))[1].state == "done"
        assert last()[1:3] == [f"{slug}: state: offboarding", "portal (service)"]
        end_hold(sandbox, slug)
        asked = ask(api, tenants_delete, slug, Deletion(confirm=slug))
        assert asked.status_code == 202, asked.content
        wait_for(lambda: last()[1] == f"{slug}: removed", seconds=60)
        assert checkout.git(bare, "ls-tree", "--name-only", "main", "tenants/") == "tenants/defaults"
        wait_for(lambda: tenants_one.sync_detailed(slug, client=api).status_code == 404)
        nothing_to_preview()
        assert checkout.git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main", "nothing is left behind"
    checkout.git(bare, "fsck", "--strict")


def test_what_is_merged_on_a_forge_is_made_and_what_is_closed_is_not(sandbox):
    """The files come to the platform as merged files do: somebody pulls them."""
    with (
        fake.running("github") as forge,
        kept_in(sandbox, TENANTRY_DECLARATIONS=forge.setting, TENANTRY_FORGE_TOKEN=fake.TOKEN),
        serving(sandbox, *SCOPES, partner="fern") as api,
    ):
        good, bad = declare(api, "fern"), declare(api, "moss")
        assert (good.status_code, bad.status_code) == (202, 202), good.content
        number, proposal = 1, good.parsed.id

        def state(one: Any) -> str:
            sandbox.tenantry("proposals")
            return proposals_one.sync(one, client=api).state

        assert state(proposal) == "proposed"
        forge.decide(number, "merged")
        forge.decide(2, "closed")
        assert state(bad.parsed.id) == "rejected"
        assert state(proposal) == "merged"
        (sandbox.tenants / "fern.yaml").write_bytes(forge.files["main"]["tenants/fern.yaml"])
        checkout.git(sandbox.tenants, "add", "fern.yaml")
        checkout.git(sandbox.tenants, "commit", "--quiet", "--message", "Pulled")
        assert state(proposal) in ("run", "done")
        wait_for(lambda: proposals_one.sync(proposal, client=api).state == "done")
        (run,) = runs_listed.sync(client=api, tenant="fern").runs
        assert (run.kind, run.state, run.requested_by) == ("provision", "done", "portal")
        check_welcomed_once(sandbox, "fern")
        assert tenants_one.sync("fern", client=api).state == "active"
        assert tenants_one.sync_detailed("moss", client=api).status_code == 404
