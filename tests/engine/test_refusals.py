"""What must be refused is refused before anything is touched: lost files, edits that lose data, names that are somebody else's."""

from __future__ import annotations

import json

import httpx
import pytest

from tenantry import naming

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.declare("keeper", isolation="schema")
    sandbox.up()
    return sandbox


def checkpoint(platform):
    """What a refused run may not change: the state and the database's objects."""
    with platform.sql("cell_main") as admin:
        schemas = admin.execute("SELECT nspname FROM pg_namespace ORDER BY 1").fetchall()
        roles = admin.execute("SELECT rolname FROM pg_roles ORDER BY 1").fetchall()
    return platform.state("shared")["resources"], schemas, roles


def refused(platform, code, *words):
    """Runs `up` on the shared stack; it must end with ``code``, say the words, show no traceback and change nothing."""
    before = checkpoint(platform)
    done = platform.tenantry("up", "--stack", "shared", check=False)
    assert done.returncode == code, done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert checkpoint(platform) == before


def test_a_removed_file_deletes_nothing(platform):
    """A tenant without its file is an error that says how tenants are removed."""
    platform.remove_file("keeper")
    try:
        refused(platform, 2, "tenants/keeper.yaml is gone but the tenant keeper is not", "tenantry offboard keeper")
    finally:
        platform.declare("keeper", isolation="schema")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"isolation": "rls"}, ("has isolation schema; rls would leave its data behind", "tenantry move keeper --to rls")),
        ({"isolation": "database"}, ("has isolation schema; database would leave its data behind",)),
        ({"isolation": "schema", "cell": "eu1"}, ("is in the cell main; eu1 would leave its data behind",)),
        ({"isolation": "schema", "state": "deleted"}, ("cannot be deleted at once", "tenantry offboard keeper")),
    ],
)
def test_an_edit_that_would_lose_data_is_refused(platform, edit, words):
    """Isolation, cell and deletion are not changed by editing a word; the error says what to do instead."""
    platform.declare("keeper", **edit)
    try:
        refused(platform, 2, *words)
    finally:
        platform.declare("keeper", isolation="schema")


def test_a_bare_pulumi_refuses_the_same(platform):
    """The gate is in the program: `pulumi preview` says the same words."""
    platform.declare("keeper", isolation="rls")
    try:
        done = platform.pulumi("preview", "-s", "shared", check=False)
    finally:
        platform.declare("keeper", isolation="schema")
    assert done.returncode != 0
    assert "has isolation schema; rls would leave its data behind" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("database", "table", "what"),
    [
        ("tenantry", "control.alembic_version", "the control database is at revision 9999"),
        ("cell_main", "t_keeper.alembic_version", "schema t_keeper of cell main is at revision 9999"),
    ],
)
def test_a_program_that_is_older_than_the_platform_begins_nothing(platform, database, table, what):
    """Neither the engine's own command nor ours: no stack is unfinished, no run is marked, and the newer program goes on."""
    with platform.sql(database) as admin, platform.sql() as ledger:
        ((revision,),) = admin.execute(f"SELECT version_num FROM {table}").fetchall()
        admin.execute(f"UPDATE {table} SET version_num = '9999'")

        def found():  # a bare run that failed has encrypted the state's secrets anew
            resources, *names = checkpoint(platform)
            kept = [(resource["urn"], resource.get("id"), sorted(resource.get("outputs", {}))) for resource in resources]
            return kept, names, ledger.execute("SELECT * FROM tenantry_ledger.runs").fetchall()

        before = found()
        try:
            for arguments in (("preview",), ("up", "--yes", "--skip-preview")):
                done = platform.pulumi(*arguments, "--stack", "shared", check=False)
                assert done.returncode != 0
                assert f"this program is older than the platform: {what}" in done.stdout + done.stderr
                assert "Traceback" not in done.stdout + done.stderr
            refused(platform, 2, f"this program is older than the platform: {what}", "git pull")
            assert found() == before
        finally:
            admin.execute(f"UPDATE {table} SET version_num = %s", [revision])
    assert platform.pulumi("preview", "--stack", "shared", "--expect-no-changes").returncode == 0


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ("nobody", ("no file tenants/nobody.yaml, and no tenant nobody", "pulumi stack rm nobody")),
        ("shared-zz", ("no tenant is in the cell zz, and there is no such cell", "tenantry new SLUG --tier starter --cell zz")),
    ],
)
def test_a_stack_that_nothing_declares_makes_and_writes_nothing(platform, stack, words):
    """Neither a tenant nor a cell comes into being by the name of a stack, and no unfinished run is left that nothing could finish."""
    platform.pulumi("stack", "init", stack)
    before = checkpoint(platform)
    try:
        done = platform.pulumi("up", "-s", stack, "--yes", check=False)
        assert done.returncode != 0
        assert all(word in done.stdout + done.stderr for word in words), done.stdout + done.stderr
        assert checkpoint(platform) == before
        with platform.sql() as admin:
            assert admin.execute("SELECT stack FROM tenantry_ledger.runs WHERE finished_at IS NULL").fetchall() == []
            assert admin.execute("SELECT count(*) FROM tenantry_ledger.claims WHERE stack = %s", [stack]).fetchone() == (0,)
    finally:
        platform.pulumi("stack", "rm", stack, "--yes")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("tenantry:holdDays", "1", "the setting tenantry:holdDays is '1' for the stack shared and '30' in Pulumi.yaml"),
        ("tenantry:domian", "x.example", "did you mean tenantry:domain?"),
    ],
)
def test_a_setting_of_one_stack_is_refused(platform, key, value, words):
    """What `pulumi config set` wrote for a stack was read by the program alone, and by no command."""
    platform.pulumi("config", "set", key, value, "-s", "shared")
    try:
        _, *before = checkpoint(platform)
        done = platform.tenantry("up", "--stack", "shared", check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert words in done.stderr
        assert checkpoint(platform)[1:] == tuple(before)
    finally:
        platform.pulumi("config", "rm", key, "-s", "shared")
    assert platform.up("--stack", "shared") == {"shared": {}}


@pytest.mark.parametrize("value", ["1", "True"])
def test_a_run_whose_state_is_saved_at_its_end_cannot_note_that_end(platform, value):
    """Whatever form of truth the engine is told: a kill after the program's end would leave nothing saved of what was noted as done."""
    platform.pulumi("up", "-s", "shared", "--yes", PULUMI_SKIP_CHECKPOINTS=value)
    with platform.sql() as admin:
        assert admin.execute("SELECT stack FROM tenantry_ledger.runs WHERE finished_at IS NULL").fetchall() == [("shared",)]
    platform.up()
    with platform.sql() as admin:
        assert admin.execute("SELECT stack FROM tenantry_ledger.runs WHERE finished_at IS NULL").fetchall() == []


def test_an_invalid_file_touches_nothing(platform):
    """All errors of all files come at once, with their place, before the engine is asked."""
    platform.declare("broken", isolation="shema", tier="starter")
    platform.declare("broken2", theme={"primary": "blue"})
    try:
        refused(platform, 2, "broken.yaml:", "broken2.yaml:", "schema")
    finally:
        platform.remove_file("broken")
        platform.remove_file("broken2")


@pytest.mark.parametrize(
    ("isolation", "kind", "named"),
    [("schema", "role", naming.tenant_app), ("database", "database", naming.tenant_database), ("schema", "schema", naming.tenant_schema)],
)
def test_a_name_that_is_not_ours_is_never_adopted(platform, isolation, kind, named):
    """A role, schema or database that somebody else made is named, left alone, and nothing of the tenant is made; without it, up goes
    through."""
    slug = f"taken-{isolation}-{kind}"
    name, database = named(slug), naming.cell_database(naming.MAIN_CELL) if kind == "schema" else "postgres"
    shown = f"{database}.{name}" if kind == "schema" else name
    with platform.sql(database) as admin:
        admin.execute(f"CREATE {kind} {name}")
    platform.declare(slug, isolation=isolation)
    stack = "shared" if isolation == "schema" else slug
    planned = platform.tenantry("preview", slug, check=False)
    assert planned.returncode == 1
    assert f"{kind} {shown} is on the server already" in planned.stderr, "a preview says it before anybody applies"
    done = platform.tenantry("up", slug, check=False)
    assert done.returncode == 1
    assert f"{kind} {shown} is on the server already and Tenantry did not make it" in done.stderr
    again = platform.tenantry("up", slug, check=False)
    assert f"{kind} {shown} is on the server already" in again.stderr, "a second run must not adopt it either"
    with platform.sql(database) as admin:
        admin.execute(f"DROP {kind} {name}")
    assert platform.up(slug)[stack]["create"] > 3


def test_a_host_name_that_is_not_ours_is_never_adopted(platform):
    """A custom host name that somebody made by hand is named and left alone, also the second time."""
    env = platform.environment
    hosts = f"{env['CLOUDFLARE_BASE_URL']}/zones/7e4a9d0c51b34f6f8a2d3c9b1e6075aa/custom_hostnames"
    headers = {"Authorization": f"Bearer {env['CLOUDFLARE_API_TOKEN']}"}
    body = {"hostname": "www.byhand.example", "ssl": {"method": "http", "type": "dv"}}
    made = httpx.post(hosts, json=body, headers=headers).raise_for_status().json()["result"]["id"]
    platform.declare("byhand", domains=["www.byhand.example"])
    for _ in range(2):
        done = platform.tenantry("up", "byhand", check=False)
        assert done.returncode == 1
        assert "the custom host name www.byhand.example is at Cloudflare already" in done.stderr
    httpx.delete(f"{hosts}/{made}", headers=headers).raise_for_status()
    assert platform.up("byhand")["shared"]["create"] > 3


def test_a_domain_can_go_from_one_tenant_to_another(platform):
    """A host name that a file no longer lists is free once that was applied, also for a tenant of another stack."""
    platform.declare("giver", domains=["www.passed.example"])
    platform.up("giver")
    platform.declare("giver")
    platform.up("giver")
    platform.declare("taker", isolation="database", domains=["www.passed.example"])
    assert platform.up("taker")["taker"]["create"] > 5
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        owner = "SELECT slug FROM control.tenant_domains d JOIN control.tenants t ON t.id = d.tenant_id WHERE d.host = 'www.passed.example'"
        assert admin.execute(owner).fetchall() == [("taker",)]


def test_unknown_names_are_answered_with_the_nearest(platform):
    """A mistyped slug or stack is exit 2 and offers the nearest one."""
    done = platform.tenantry("up", "keper", check=False)
    assert done.returncode == 2
    assert "did you mean keeper?" in done.stderr
    done = platform.tenantry("preview", "--stack", "shred", check=False)
    assert done.returncode == 2
    assert "did you mean shared?" in done.stderr


def test_preview_writes_nothing_and_a_bare_pulumi_plans_the_same(platform):
    """`tenantry preview` and `pulumi preview` show the same changes, and neither makes anything."""
    platform.declare("planned", isolation="schema")
    before = checkpoint(platform)
    ours = platform.tenantry("preview", "--stack", "shared")
    bare = platform.pulumi("preview", "-s", "shared", "--json")
    assert checkpoint(platform) == before
    steps = {(s["op"], s["urn"].rsplit("::", 1)[1]) for s in json.loads(bare.stdout)["steps"] if s["op"] not in ("same", "read")}
    lines = {tuple(line.removeprefix("shared: would ").split()[:2]) for line in ours.stdout.splitlines() if ": would " in line}
    assert lines == steps
    assert ("create", "planned-db-app") in steps
    platform.remove_file("planned")
