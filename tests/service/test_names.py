"""What refuses a whole stack, and the way out that each refusal names: the way is taken, and the stack is refused no more."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stacks import names
from stacks.claims import Planned
from tenantry import naming
from tenantry.backend import stack_state
from tenantry.backend.stack_state import Remembered, State
from tenantry.control import host_names, ledger, losses, quarantine, registry, stack_runs, unmade
from tenantry.control.database import transaction
from tenantry.control.ledger import Claim, KnownTenant, Ledger
from tenantry.declaration import TenantDeclaration
from tenantry.errors import InputError, TenantryError
from tenantry.postgres.server import Server
from tests.service import control_database

pytestmark = pytest.mark.service

HOST, OTHER, ROLE = "www.passed.example", "www.other.example", naming.tenant_app("giver")
TYPES = {"hostname": host_names.HELD_AS, "role": ("postgresql:index/role:Role", "name")}


def declaration(slug: str, *domains: str, **fields: Any) -> TenantDeclaration:
    admin, plain = {"name": "A", "email": f"a@{slug}.example"}, {"tier": "starter", "branding": {"app_name": slug}}
    return TenantDeclaration.model_validate({"slug": slug, "name": slug.title(), "admin": admin, "domains": domains, **plain, **fields})


def resource(kind: str, name: str, logical: str) -> Remembered:
    type_, key = TYPES[kind]
    return Remembered(f"urn:pulumi:s::tenantry::{type_}::{logical}", type_, name, {key: name}, {}, False, False, changed_at=None)


class World:
    """One platform: its ledger, what its files say, the state of each stack, and which host names are at Cloudflare."""

    def __init__(self) -> None:
        self.declared: dict[str, TenantDeclaration] = {}
        self.states: dict[str, State] = {}
        self.at_cloudflare: set[str] = set()

    def enter(self, stack: str, slug: str, *claims: Claim, isolation: str = "rls") -> None:
        with Server.from_environment().connect() as connection:
            connection.autocommit = True
            known = [KnownTenant(slug, stack, isolation, "main", "active")]
            ledger.begin(connection, Ledger.read(connection, stack), claims, known)
            stack_runs.reach_end(connection, stack)

    def holds(self, stack: str, *resources: Remembered) -> None:
        self.states[stack] = State(resources=resources)

    def run(self, stack: str = "shared") -> names.Names:
        """What the gate does before the first resource; then the claims are entered."""
        planned = [
            Planned(f"{slug}-domain-{host}", lambda _, host=host: f"zone/{host}" if host in self.at_cloudflare else None, claim)
            for slug, tenant in self.declared.items()
            if tenant.stack == stack and not tenant.gone
            for host in tenant.domains
            for claim in [Claim("hostname", host, slug)]
        ]
        with Server.from_environment().connect() as connection:
            connection.autocommit = True
            book = Ledger.read(connection, stack)
            never_made = losses.refuse(book, self.declared, protects=True)
            unmade.let_go(connection, book, never_made)
            book = book.without(never_made)
            quarantine.refuse_declared(self.declared.values(), book)
            settled = names.settle(connection, book, self.declared, planned, stack_state.read(stack))
            ledger.begin(connection, book, [plan.claim for plan in planned if plan.claim], [])
            stack_runs.reach_end(connection, stack)
        return settled

    def declare(self, *tenants: TenantDeclaration) -> None:
        self.declared = {tenant.slug: tenant for tenant in tenants}

    def gives_up(self, stack: str) -> None:
        """What a run of the stack does about a host name that its files no longer have."""
        for held in self.states.pop(stack).resources:
            self.at_cloudflare.discard(held.inputs["hostname"])

    @staticmethod
    def book() -> Ledger:
        with Server.from_environment().connect() as connection:
            return Ledger.read(connection, "shared")


@pytest.fixture
def world(in_cloud, monkeypatch, tmp_path) -> Iterator[World]:
    control_database.make()
    made = World()
    monkeypatch.setenv("TENANTRY_TENANTS", str(tmp_path))
    monkeypatch.setattr(stack_state, "read", lambda stack: made.states.get(stack, State()))
    monkeypatch.setattr(unmade.cloudflare, "find_hostname", lambda zone, host: host if host in made.at_cloudflare else None)
    yield made
    with transaction() as connection:
        for table in ("tenant_domains", "invitations", "quarantined_names", "tenants"):
            connection.execute(f"DELETE FROM {table}")
    with Server.from_environment().connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS tenantry_ledger CASCADE")


def custom() -> dict[str, str]:
    """Custom host name → the tenant that the registry leads to."""
    with transaction() as connection:
        rows = connection.execute("SELECT d.host, t.slug FROM tenant_domains d JOIN tenants t ON t.id = d.tenant_id WHERE kind = 'custom'")
        return {row["host"]: row["slug"] for row in rows}


def registered(slug: str, *domains: str, state: str = "active") -> None:
    row = {
        "name": slug.title(), "tier": "starter", "isolation": "rls", "cell": "main", "stack": "shared", "state": state,
        "host": naming.host(slug, "tenantry.example"), "database": "cell_main", "schema": "shared", "app_role": "a", "bucket": "b",
        "prefix": "p", "limits": {}, "labels": {},
    }  # fmt: skip
    registry.record(str(naming.tenant_id(slug)), slug, row, domains, {"name": "A", "email": f"a@{slug}.example"})


Way = Callable[[], object]


def of_another_stack(world: World) -> tuple[str, str, Way]:
    """The stack that has the host name runs, and gives it up."""
    world.enter("giver", "giver", Claim("hostname", HOST, "giver"), isolation="database")
    world.holds("giver", resource("hostname", HOST, f"giver-domain-{HOST}"))
    world.at_cloudflare = {HOST}
    world.declare(declaration("giver", isolation="database"), declaration("taker", HOST))
    return "is still the stack giver's, which gives it up", "tenantry up --stack giver, then this", lambda: world.gives_up("giver")


def exchanged(world: World) -> tuple[str, str, Way]:
    """The files are put back, then both give theirs up."""
    world.enter("giver", "giver", Claim("hostname", HOST, "giver"), isolation="database")
    world.enter("shared", "taker", Claim("hostname", OTHER, "taker"))
    world.holds("giver", resource("hostname", HOST, f"giver-domain-{HOST}"))
    world.holds("shared", resource("hostname", OTHER, f"taker-domain-{OTHER}"))
    world.at_cloudflare = {HOST, OTHER}
    world.declare(declaration("giver", OTHER, isolation="database"), declaration("taker", HOST))

    def way() -> None:
        world.declare(declaration("giver", isolation="database"), declaration("taker"))
        world.run("shared")
        world.gives_up("shared")
        world.gives_up("giver")
        world.declare(declaration("giver", OTHER, isolation="database"), declaration("taker", HOST))

    return f"exchange host names ({OTHER}, {HOST}): neither can go first", "put them in again and apply that: tenantry up --all", way


def lost_by_the_ledger(world: World) -> tuple[str, str, Way]:
    """What another stack's state holds is ours, whatever the ledger has forgotten; that stack's run enters it again."""
    world.holds("giver", resource("hostname", HOST, f"giver-domain-{HOST}"))
    world.at_cloudflare = {HOST}
    world.declare(declaration("giver", isolation="database"), declaration("taker", HOST))
    return f"hostname {HOST} is the stack giver's", "tenantry up --stack giver, then this", lambda: world.gives_up("giver")


def of_a_tenant_without_file(world: World) -> tuple[str, str, Way]:
    world.enter("giver", "giver", Claim("hostname", HOST, "giver"), isolation="database")
    registered("giver")
    world.declare(declaration("taker", HOST))
    back = declaration("giver", isolation="database")
    return "which no file declares", "bring tenants/giver.yaml back without it", lambda: world.declare(back, declaration("taker", HOST))


def of_a_tenant_that_is_deleted(world: World) -> tuple[str, str, Way]:
    """The deletion goes on to its end; the host name is in quarantine then, and released."""
    world.enter("shared", "giver", Claim("hostname", HOST, "giver"))
    registered("giver", HOST)
    with Server.from_environment().connect() as connection:
        ledger.let_delete(connection, "giver")
    world.declare(declaration("giver", state="offboarding"), declaration("taker", HOST))

    def way() -> None:
        registry.retire(str(naming.tenant_id("giver")), "giver")
        world.declare(declaration("taker", HOST))

    return "which is being deleted", f"tenantry quarantine release {HOST}", way


def in_quarantine(world: World) -> tuple[str, str, Way]:
    with transaction() as connection:
        quarantine.put(connection, naming.tenant_id("bygone"), [("host", HOST)], None)
    world.declare(declaration("taker", HOST))
    return "is in quarantine", "tenantry quarantine list shows the names, release frees one", lambda: quarantine.release(HOST)


def somebody_elses(world: World) -> tuple[str, str, Way]:
    world.at_cloudflare = {HOST}
    world.declare(declaration("taker", HOST))
    words = "is at Cloudflare already and Tenantry did not make it"
    return words, "take the domain out of the tenant's file", lambda: world.declare(declaration("taker"))


def without_a_file(world: World) -> tuple[str, str, Way]:
    world.enter("shared", "giver")
    registered("giver", HOST)
    world.declare()
    way = f"tenantry new giver --tier starter --isolation rls --cell main --name Giver --email a@giver.example and in it domains: [{HOST}]"
    return "tenants/giver.yaml is gone but the tenant giver is not", way, lambda: world.declare(declaration("giver", HOST))


def moved_by_an_edit(world: World) -> tuple[str, str, Way]:
    world.enter("shared", "giver", isolation="schema")
    registered("giver")
    world.declare(declaration("giver"))
    way = "put isolation: schema back, or move the data first: tenantry move giver --to rls"
    return "rls would leave its data behind", way, lambda: world.declare(declaration("giver", isolation="schema"))


def deleted_by_an_edit(world: World) -> tuple[str, str, Way]:
    world.enter("shared", "giver")
    registered("giver")
    world.declare(declaration("giver", state="deleted"))
    way = "tenantry offboard giver"
    return "tenant giver is active and cannot be deleted at once", way, lambda: world.declare(declaration("giver", state="offboarding"))


CASES = (
    of_another_stack, exchanged, lost_by_the_ledger, of_a_tenant_without_file, of_a_tenant_that_is_deleted, in_quarantine, somebody_elses,
    without_a_file, moved_by_an_edit, deleted_by_an_edit,
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_way_out_that_a_refusal_names_ends_it(world, case):
    """Nothing is written by a refused run; what stands is never called another's, or to be removed, where it is ours."""
    message, hint, way = case(world)
    before = world.book()
    for _ in range(2):
        with pytest.raises(TenantryError) as refused:
            world.run()
        assert message in refused.value.message
        assert hint in refused.value.hint
        assert not re.search(r"\b(drop|remove|delete it)\b", refused.value.hint.replace("a tenant is removed with", ""))
    assert world.book() == before
    way()
    world.run()


def test_a_claim_with_nothing_behind_it_follows_who_wants_the_name(world):
    """Of a stack that gave it up by a bare run, and of one that is gone."""
    world.enter("giver", "giver", Claim("hostname", HOST, "giver"), isolation="database")
    world.declare(declaration("giver", isolation="database"), declaration("taker", HOST))
    assert world.run() == names.Names(True, {}, {})
    assert (world.book().claims["hostname", HOST], world.book().holders["hostname", HOST]) == ("shared", "taker")


def test_what_is_claimed_and_in_no_state_is_taken_over(world):
    """It is ours, and nobody else would ever remove it."""
    world.enter("giver", "giver", Claim("hostname", HOST, "giver"), isolation="database")
    world.at_cloudflare = {HOST}
    world.declare(declaration("giver", isolation="database"), declaration("taker", HOST))
    assert world.run().leftovers == {f"taker-domain-{HOST}": f"zone/{HOST}"}


def test_what_the_state_holds_is_entered_again(world):
    """A claim that was lost makes nothing foreign."""
    world.holds("shared", resource("hostname", HOST, f"taker-domain-{HOST}"))
    world.at_cloudflare = {HOST}
    world.declare(declaration("taker", HOST))
    assert world.run() == names.Names(False, {}, {})
    assert world.book().holders["hostname", HOST] == "taker"


def test_within_the_stack_the_engine_knows_it_by_its_former_name(world):
    """Also after a run that entered the claim and did not get to the resource; not any more once the state has it under its own."""
    world.enter("shared", "giver", Claim("hostname", HOST, "giver"))
    registered("giver", HOST)
    registered("taker")
    there = resource("hostname", HOST, f"giver-domain-{HOST}")
    world.holds("shared", there)
    world.at_cloudflare = {HOST}
    world.declare(declaration("giver"), declaration("taker", HOST))
    assert world.run() == names.Names(True, {}, {f"taker-domain-{HOST}": there.urn})
    assert world.run() == names.Names(False, {}, {f"taker-domain-{HOST}": there.urn})
    world.holds("shared", resource("hostname", HOST, f"taker-domain-{HOST}"))
    assert world.run() == names.Names(False, {}, {})


def test_host_names_change_hands_in_the_registry_at_once(world):
    """Two tenants exchange theirs; one that has no row yet gets its own with its record; what is nobody's business stays."""
    registered("giver", HOST, "www.kept.example")
    registered("taker", OTHER)
    ids = {slug: str(naming.tenant_id(slug)) for slug in ("giver", "taker", "unmade")}
    host_names.hand_over({HOST: ids["taker"], OTHER: ids["giver"]})
    assert custom() == {HOST: "taker", OTHER: "giver", "www.kept.example": "giver"}
    assert host_names.of_nobody_else([HOST, OTHER], ids["unmade"]) == []
    host_names.hand_over({HOST: ids["unmade"]})
    assert custom() == {OTHER: "giver", "www.kept.example": "giver"}
    assert host_names.of_nobody_else([HOST, OTHER], ids["unmade"]) == [HOST]


@pytest.mark.parametrize("state", [None, "provisioning"])
@pytest.mark.parametrize("edit", [(), (declaration("giver", isolation="schema"),)], ids=["taken back", "edited"])
def test_a_tenant_that_was_never_made_is_let_go(world, state, edit):
    """Entered by a run that was about others, or by a provisioning that got no further: nothing is lost with it."""
    world.enter("shared", "giver", Claim("hostname", HOST, "giver"), Claim("role", ROLE, "giver"))
    if state:
        registered("giver", HOST, state=state)
    world.declare(*edit)
    with pytest.raises(InputError, match="was entered and never made: there is nothing to remove"):
        unmade.refuse("giver")
    world.run()
    assert "giver" not in world.book().tenants
    assert ("hostname", HOST) not in world.book().claims
    assert custom() == {}


@pytest.mark.parametrize("what", ["row", "role", "host name", "state", "move"])
def test_one_that_is_half_made_is_not(world, what):
    """Whatever there is of it, its file is asked back."""
    world.enter("shared", "giver", Claim("hostname", HOST, "giver"), Claim("role", ROLE, "giver"))
    world.declare()
    book = world.book()
    if what == "row":
        registered("giver")
    elif what == "host name":
        world.at_cloudflare = {HOST}
    elif what == "state":
        world.holds("shared", resource("role", "x", "giver-record"))
    elif what == "move":
        book = dataclasses.replace(book, moves={"giver": None})
    with Server.from_environment().connect() as connection:
        if what == "role":
            connection.execute(f"CREATE ROLE {ROLE}")
            connection.commit()
        try:
            assert unmade.among(book, ["giver"]) == frozenset()
        finally:
            connection.execute(f"DROP ROLE IF EXISTS {ROLE}")


def test_a_tenant_on_its_way_neither_gives_nor_takes(world):
    """Its host names pass from stack to stack with it, and a third stack would find them gone."""
    book = Ledger("shared", {("hostname", HOST): "shared"}, {}, False, moves={"taker": None}, holders={("hostname", HOST): "giver"})
    found = host_names.Passing(HOST, "giver", "shared", "taker", "shared")
    with pytest.raises(InputError, match="while taker is being moved") as refused:
        host_names.refuse_unsafe(found, book, world.declared)
    assert refused.value.hint == "end the move first: tenantry move taker --finish, or --rollback"


def test_a_ledger_that_was_read_holds_until_a_run_begins(world):
    """Whoever comes back to it under the stack's lock reads it again only where another run has begun or ended meanwhile, of any stack."""
    world.enter("giver", "giver", Claim("hostname", HOST, "giver"), isolation="database")
    with Server.from_environment().connect() as connection:
        connection.autocommit = True
        book = Ledger.read(connection, "shared")
        again = book.now(connection, "giver")
        assert again.tenants is book.tenants
        assert (again.stack, again.run.known, again.interrupted) == ("giver", True, False)
        assert not book.run.known
        ledger.begin(connection, again, [], [KnownTenant("giver", "giver", "database", "main", "suspended")])
        later = book.now(connection, "giver")
        assert (later.tenants["giver"].state, later.interrupted) == ("suspended", True)
        stack_runs.reach_end(connection, "giver")
        assert not later.now(connection, "giver").interrupted
