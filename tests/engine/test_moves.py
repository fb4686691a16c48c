"""Tenants that move while their application writes, that go back, and that are refused to move."""

from __future__ import annotations

import json

import psycopg
import pytest

from tenantry import naming
from tests.engine.moving import Application, contents, fill, home, places_with_rows, turnstiles
from tests.engine.test_killed_runs import check_nothing_is_double_or_left, cloudflare
from tests.killing import killed_at
from tests.volume import volume

pytestmark = pytest.mark.engine

UP_AND_DOWN = ("database", "schema", "rls", "schema")


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.declare("walker", isolation="rls")
    sandbox.declare("neighbour", isolation="rls")
    sandbox.declare("stayer", isolation="schema", domains=["www.stayer.example"])
    sandbox.declare("other-cell", isolation="rls", cell="c2")
    sandbox.up()
    fill(sandbox, "neighbour", 500)
    fill(sandbox, "stayer", 500)
    return sandbox


def test_shared_tables_refuse_the_moved_tenant_alone(platform):
    """While its old rows are kept in the shared tables, nobody writes as the tenant there, and the others do as always."""
    platform.tenantry("move", "walker", "--to", "schema")
    walker, neighbour = naming.tenant_id("walker"), naming.tenant_id("neighbour")
    password = platform.outputs("shared")["credentials"]["cell_main__app"]
    with platform.sql("cell_main", user="cell_main__app", password=password) as stale:
        stale.execute("SELECT set_config('app.tenant_id', %s, false)", [str(walker)])
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="does not live here any more"):
            stale.execute("INSERT INTO shared.users (tenant_id, email, name) VALUES (%s, 'x@x.example', 'X')", [walker])
        stale.execute("SELECT set_config('app.tenant_id', %s, false)", [str(neighbour)])
        stale.execute("INSERT INTO shared.users (tenant_id, email, name) VALUES (%s, 'y@y.example', 'Y')", [neighbour])
    platform.tenantry("move", "walker", "--rollback")
    with platform.as_tenant("walker") as connection:
        connection.execute("INSERT INTO users (tenant_id, email, name) VALUES (%s, 'z@z.example', 'Z')", [walker])
    assert turnstiles(platform) == []


@pytest.mark.volume
def test_moves_with_a_writer(platform):
    """Up and down through the models: no confirmed write is lost, none is there twice, no other tenant notices."""
    moves = volume(len(UP_AND_DOWN), 20)
    before = contents(platform, "neighbour")
    application = Application(platform, "walker").begin()
    worker = platform.start("worker")
    assert "is at work" in worker.stdout.readline()
    try:
        for number in range(moves):
            model = UP_AND_DOWN[number % len(UP_AND_DOWN)]
            platform.tenantry("move", "walker", "--to", model)
            assert home(platform, "walker")[0] == model
            platform.tenantry("move", "walker", "--finish")
            assert len(places_with_rows(platform, "walker")) == 1
    finally:
        platform.kill(worker)
    application.end()
    assert len(application.written) > 50 * moves
    application.check()
    assert contents(platform, "neighbour") == before
    assert turnstiles(platform) == []
    check_nothing_is_double_or_left(platform, ["shared", "shared-c2"])
    history = json.loads(platform.tenantry("moves", "walker", "--json").stdout)
    assert [row["outcome"] for row in history] == ["finished"] * moves + ["rolled back"]  # by the test before
    print("writes waited (ms):", sorted(row["freeze_ms"] for row in history[:moves]), dict(application.refused), len(application.written))


def test_a_move_can_be_taken_back_with_what_was_written_since(platform):
    """Killed and resumed, a rollback brings the tenant to where it was with the writes of both times, and only then opens the place.

    Until then a stale application is refused there; what was changed there by hand is found, and copied over. Host names are never gone.
    """
    hosts, before = cloudflare(platform, "custom_hostnames"), contents(platform, "stayer")
    application = Application(platform, "stayer").begin()
    platform.tenantry("move", "stayer", "--to", "database")
    assert home(platform, "stayer") == ("database", "main", "stayer")
    assert cloudflare(platform, "custom_hostnames") == hosts
    assert "isolation: database" in (platform.tenants / "stayer.yaml").read_text()
    assert platform.up() == {"shared": {}, "shared-c2": {}, "stayer": {}}
    # The old tables are still there, for nobody to write into, even when everything has been copied back.
    check_shut(platform)
    assert killed_at(platform, "before tenantry.stores.turnstile:Freeze.begin", 1, "move", "stayer", "--rollback")
    check_shut(platform)
    with platform.sql("cell_main") as admin:
        admin.execute("SET tenantry.mover = 'on'")
        assert admin.execute("DELETE FROM t_stayer.documents WHERE title LIKE 'f1%'").rowcount > 0
    # The registry says it, and the place is open: a run that was killed just before does not come to this point (test_moves_killed.py).
    assert killed_at(platform, "before tenantry.control.moves:measured", 1, "move", "stayer", "--rollback")
    platform.tenantry("move", "stayer", "--rollback")
    application.end()
    application.check()
    after = contents(platform, "stayer")
    assert {table: [row for row in after[table] if row in rows] for table, rows in before.items()} == before
    assert home(platform, "stayer") == ("schema", "main", "shared")
    assert cloudflare(platform, "custom_hostnames") == hosts
    assert "isolation: schema" in (platform.tenants / "stayer.yaml").read_text()
    assert platform.up() == {"shared": {}, "shared-c2": {}}
    assert places_with_rows(platform, "stayer") == {"cell_main.t_stayer"}
    assert turnstiles(platform) == []
    check_nothing_is_double_or_left(platform, ["shared", "shared-c2"])


def check_shut(platform):
    """At the place that the tenant was moved from its application may not log in, and not even an administrator writes."""
    with platform.sql("cell_main") as admin:
        assert admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 't_stayer__app'").fetchone() == (False,)
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="does not live here any more"):
            admin.execute("DELETE FROM t_stayer.documents")


def test_a_move_by_a_reviewed_edit_to_another_cell(platform):
    """`cell:` in the file, then `tenantry move SLUG`: rows and objects go, and nothing of the tenant stays behind."""
    before = contents(platform, "neighbour")
    key = "tenants/neighbour/uploads/plan.txt"
    platform.s3().put_object(Bucket="tenantry-dev-main", Key=key, Body=b"a plan")
    file = platform.tenants / "neighbour.yaml"
    file.write_text(file.read_text() + "cell: c2  # nearer\n")
    refused = platform.tenantry("up", "--stack", "shared", check=False)
    assert refused.returncode == 2
    assert "tenantry move neighbour --cell c2" in refused.stderr
    platform.tenantry("move", "neighbour")
    assert file.read_text().endswith("cell: c2  # nearer\n")
    assert contents(platform, "neighbour") == before
    assert platform.s3().get_object(Bucket="tenantry-dev-c2", Key=key)["Body"].read() == b"a plan"
    platform.tenantry("move", "neighbour", "--finish")
    assert places_with_rows(platform, "neighbour") == {"cell_c2.shared"}
    left = platform.s3().list_object_versions(Bucket="tenantry-dev-main", Prefix="tenants/neighbour/")
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")
    assert platform.up() == {"shared": {}, "shared-c2": {}}


def test_to_a_server_of_its_own_and_back_with_a_writer(platform):
    """Killed on the way and on the way back, where writes are refused until it goes on: none that was confirmed is lost or there twice."""
    slug = "alone"
    platform.declare(slug, isolation="database", cell="c2")
    platform.up(slug)
    application = Application(platform, slug).begin()
    assert killed_at(platform, "after tenantry.stores.turnstile:Freeze.set_shut", 1, "move", slug, "--to", "instance")
    assert home(platform, slug)[0] == "database"
    platform.tenantry("move", slug)
    assert home(platform, slug) == ("instance", "c2", slug)
    platform.tenantry("move", slug, "--finish")
    assert places_with_rows(platform, slug) == set()  # on the platform's server
    platform.tenantry("move", slug, "--to", "database")
    assert home(platform, slug) == ("database", "c2", slug)
    assert killed_at(platform, "before tenantry.operations.move.transfer:reopen", 1, "move", slug, "--rollback")
    assert home(platform, slug)[0] == "instance"
    with platform.as_tenant(slug) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            connection.execute("DELETE FROM users")
    platform.tenantry("move", slug, "--rollback")
    assert places_with_rows(platform, slug) == set()
    platform.tenantry("move", slug, "--to", "database")
    platform.tenantry("move", slug, "--finish")
    application.end()
    assert len(application.written) > 200
    application.check()
    assert len(places_with_rows(platform, slug)) == 1
    assert turnstiles(platform) == []
    assert list(platform.cloud.home.instances.glob("*")) == []
    assert platform.up(slug) == {slug: {}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("walkr", "--to", "schema"), ("no tenant walkr", "did you mean walker?")),
        (("walker", "--to", "cluster"), ("there is no isolation cluster", "rls, schema, database, instance")),
        (("walker", "--cell", "A"), ("'A' is not a cell's name",)),
        (("walker", "--finish"), ("no move of tenant walker is under way",)),
        (("walker", "--to", "schema", "--rollback"), ("choose one",)),
        (("walker", "--to", "schema", "--keep", "soon"), ("'soon' is not a length of time",)),
    ],
)
def test_what_cannot_be_moved_is_refused_before_anything_is_touched(platform, arguments, words):
    """Exit 2, one line what, one line what to do, the file as it was."""
    before = (platform.tenants / "walker.yaml").read_text()
    done = platform.tenantry("move", *arguments, check=False)
    assert done.returncode == 2
    assert all(word in done.stderr for word in words), done.stderr
    assert (platform.tenants / "walker.yaml").read_text() == before


def test_a_move_to_where_it_lives_is_nothing_to_do(platform):
    """Asked for again, there is nothing to do, and that is no error."""
    done = platform.tenantry("move", "walker", "--to", home(platform, "walker")[0])
    assert "already: nothing to move" in done.stderr
