"""An application's own migration tool in the place of `migrations/tenant`: Django, Alembic with its own environment, files with psql."""

from __future__ import annotations

import time

import psycopg
import pytest
from psycopg import sql

from tenantry import naming
from tenantry.errors import WorkError
from tenantry.operations import doctor, migrate, table_check
from tenantry.postgres import guards, migrations, revisions, template
from tenantry.stores import table_sets
from tenantry.stores.tenant_store import TenantStore
from tests.service.migrate.conftest import roll_out
from tests.service.own_tools.projects import ALEMBIC, APPLICATIONS, DJANGO, Project
from tests.volume import volume

pytestmark = pytest.mark.service


@pytest.fixture
def project(trees, tmp_path, request):
    """The application that the test asks for by name, at its first migration."""
    found = Project.in_place(request.param, trees.root, tmp_path / "project")
    trees.forget()
    return found


every = pytest.mark.parametrize("project", APPLICATIONS, indirect=True, ids=lambda application: application.name)
django = pytest.mark.parametrize("project", [DJANGO], indirect=True, ids=["django"])
alembic = pytest.mark.parametrize("project", [ALEMBIC], indirect=True, ids=["alembic"])


def advance(trees, project):
    project.advance()
    trees.forget()
    return revisions.head("tenant")


def say(project, slug, text):
    """One row, as the tenant's application writes it."""
    store = TenantStore.of(slug)
    with store.acting(store.app_role) as connection:
        connection.execute(project.application.insert, {"text": text})


def seen(project, slug):
    """The tenant's rows, as its application sees them."""
    store = TenantStore.of(slug)
    with store.acting(store.app_role) as connection:
        found = sql.SQL("SELECT {} FROM {} ORDER BY 1").format(
            *map(sql.Identifier, (project.application.filled, project.application.table))
        )
        return [value for (value,) in connection.execute(found).fetchall()]


def versions():
    return {table_set.name: table_set.version for table_set in table_sets.survey()}


def logins(fleet):
    with fleet.connect() as connection:
        return connection.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [naming.TOOL_LOGIN]).fetchall()


@pytest.mark.volume
@every
def test_a_fleet_is_migrated_killed_and_resumed(fleet, trees, project, command):
    """All models: who was done is done, who was amid it is shut and goes on, and nobody has lost or met a row."""
    many = [f"s{number:03}" for number in range(volume(6, 200))]
    fleet.shared()
    for slug in ("rose", "iris"):
        fleet.rls(slug)
    fleet.schemas(many)
    fleet.database("oak")
    template.ensure()
    everybody = [*many, "oak", "rose", "iris"]
    for slug in everybody:
        say(project, slug, f"of {slug}")
    before, head = set(versions().values()), advance(trees, project)
    assert before == {next(iter(before))}
    assert head not in before

    started = time.monotonic()
    running = command("--parallel", "2")
    deadline = time.monotonic() + 300
    while sum(version == head for version in versions().values()) < max(2, len(many) // 3):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.kill()
    reached = [name for name, version in versions().items() if version == head]
    assert 0 < len(reached) < len(everybody)
    done = command("--parallel", "4")
    said = done.communicate(900)
    assert done.returncode == 0, said
    print(f"{project.application.name}: {len(many)} schemas, killed at {len(reached)}, all in {time.monotonic() - started:.1f} s")

    assert set(versions().values()) == {head}
    assert not any(table_set.shut for table_set in table_sets.survey())
    assert template.revision() == head
    for slug in everybody:
        assert seen(project, slug) == [f"none of of {slug}"], slug
        say(project, slug, f"later of {slug}")
        assert len(seen(project, slug)) == 2
    fleet.schemas(["new"])
    for slug in many:
        assert posture(fleet, slug) == posture(fleet, "new"), slug
    books = project.application.declaration["tables"][0]
    for slug in ("oak", "rose", many[0]):
        store = TenantStore.of(slug)
        for table in (books, revisions.RECORD):
            with store.acting(store.app_role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table)))
    assert logins(fleet) == []


def posture(fleet, slug):
    """What guards a tenant's schema, without the names that differ from tenant to tenant."""
    schema, tenant = naming.tenant_schema(slug), str(naming.tenant_id(slug))
    with fleet.connect() as connection:
        lines = guards.found(connection, schema)
    assert any("policy" in line for line in lines)
    return [line.replace(schema, "SCHEMA").replace(tenant, "TENANT") for line in lines]


@django
def test_a_tool_that_outlived_its_run_is_ended_by_the_next(fleet, trees, project, command):
    """Tenantry is killed and the tool is not: the store is shut, doctor says so, and the next run ends the old sessions first."""
    fleet.schemas(["elm"])
    say(project, "elm", "of elm")
    project.write("shop/migrations/0002_slow.py", SLOW)
    trees.forget()
    running = command()
    with fleet.connect() as admin:
        busy = (
            "SELECT count(*) FROM pg_stat_activity WHERE starts_with(usename, 'tenantry__tool_') AND datname = 'cell_main'"
            " AND state = 'active' AND wait_event = 'PgSleep'"
        )
        wait_until(lambda: admin.execute(busy).fetchone() == (1,))
        running.kill()
        assert admin.execute(busy).fetchone() == (1,)
        store = TenantStore.of("elm")
        with store.acting(store.app_role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM t_elm.shop_customer")
        with pytest.raises(WorkError, match="shut amid a migration: elm"):
            doctor._tenant_tables()
        (project.folder / "at-once").touch()
        done = command()
        said = done.communicate(120)
        assert done.returncode == 0, said
        assert admin.execute(busy).fetchone() == (0,)
    assert versions() == {"elm": revisions.head("tenant")}
    with store.acting(store.app_role) as connection:
        assert connection.execute("SELECT email FROM shop_customer").fetchall() == [("of elm",)]
        assert connection.execute("SELECT count(*) FROM slow").fetchone() == (0,)
    assert logins(fleet) == []


@django
def test_a_deployer_that_is_no_superuser_can_do_all_of_it(deployers, trees, project):
    """Logins are made and taken away, and a migration sees every tenant's rows."""
    deployers.shared()
    deployers.rls("rose")
    deployers.schemas(["elm"])
    deployers.database("oak")
    template.ensure()
    for slug in ("rose", "elm", "oak"):
        say(project, slug, f"of {slug}")
    advance(trees, project)
    roll_out()
    for slug in ("rose", "elm", "oak"):
        assert seen(project, slug) == [f"none of of {slug}"]
    assert logins(deployers) == []
    with deployers.connect(naming.tenant_database("oak")) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'tenant'").fetchall()
    assert owners == [(naming.tenant_owner("oak"),)]
    template.drop()


def wait_until(true, seconds=30):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@every
def test_the_tables_are_held_against_the_contract_and_against_the_tool(fleet, trees, project):
    """`migrate --check`, in a scratch database: the tool's own check as well."""
    advance(trees, project)
    found = table_check.check()
    assert found.problems == ()
    assert found.made_by == project.application.name
    assert project.application.table in found.tenant
    assert found.reference == ()


@django
def test_what_may_not_be_is_refused_before_the_first_store(fleet, trees, project):
    """By the same words as a revision of `migrations/tenant`; nobody was shut."""
    fleet.shared()
    fleet.schemas(["elm"])
    before = versions()
    project.write("shop/migrations/0002_bad.py", BAD)
    trees.forget()
    with pytest.raises(WorkError, match="lookup has no tenant_id"):
        roll_out()
    assert versions() == before
    assert not any(table_set.shut for table_set in table_sets.survey())


@django
def test_a_store_with_tables_that_may_not_be_stays_shut_until_they_are_mended(fleet, trees, project, monkeypatch):
    """Also when it is run again as it is. Whoever asks is told, and a migration that mends it opens the store."""
    fleet.schemas(["elm", "fir"])
    say(project, "elm", "of elm")
    project.write("shop/migrations/0002_bad.py", BAD)
    trees.forget()
    monkeypatch.setattr(table_check, "require", lambda *_, **__: None)  # as where no scratch database can be made
    for _ in range(2):
        with pytest.raises(WorkError, match=r"elm: shut, because django has made what may not be: lookup has no tenant_id"):
            roll_out("elm")
        store = TenantStore.of("elm")
        with store.acting(store.app_role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM t_elm.shop_customer")
        with store.acting(store.app_role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM t_elm.lookup")
    say(project, "fir", "of fir")
    assert [table_set.name for table_set in table_sets.survey() if table_set.shut] == ["elm"]
    with pytest.raises(WorkError, match="shut amid a migration: elm"):
        doctor._tenant_tables()
    project.write("shop/migrations/0003_mended.py", MENDED)
    trees.forget()
    roll_out("elm")
    say(project, "elm", "again")
    assert versions()["elm"] == revisions.head("tenant")
    assert not any(table_set.shut for table_set in table_sets.survey())


@django
def test_a_tool_that_fails_leaves_the_store_open_guarded_and_behind(fleet, trees, project, monkeypatch):
    """What it had committed stays, guarded; its words are told without secrets, rows and control characters."""
    fleet.schemas(["elm"])
    before = versions()
    project.write("shop/migrations/0002_half.py", HALF)
    project.write("shop/migrations/0003_fails.py", FAILS)
    trees.forget()
    monkeypatch.setattr(table_check, "require", lambda *_, **__: None)
    with pytest.raises(WorkError, match="elm: django ended with 1: ") as failed:
        roll_out()
    assert "duplicate key" in str(failed.value)
    assert "secret-row" not in str(failed.value)
    assert "\x1b" not in str(failed.value)
    assert "[31m" not in str(failed.value)
    assert versions() == before
    say(project, "elm", "of elm")
    store = TenantStore.of("elm")
    with store.acting(store.app_role) as connection:
        connection.execute("INSERT INTO half (tenant_id, id) VALUES (%s, 1)", [store.id])
    with store.acting(store.app_role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("INSERT INTO half (tenant_id, id) VALUES (gen_random_uuid(), 2)")
    assert logins(fleet) == []


@alembic
def test_the_tool_is_told_which_store_and_nothing_else(fleet, trees, project, monkeypatch):
    """The variables of the declaration pass, secrets of ours do not; its sessions are the owner's."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for the tool")
    monkeypatch.setenv("APP_MODE", "quiet")
    project.declare(environment=["APP_MODE"])
    project.write("env.py", TELLS + (project.folder / "env.py").read_text())
    fleet.schemas(["elm"])
    fleet.shared()
    told = [line.split("|") for line in (project.folder / "told").read_text().splitlines()]
    stores = {line[0]: line for line in told}
    assert set(stores) == {"t_elm", "shared"}
    owner = naming.cell_owner("main")
    assert stores["t_elm"][1:] == ["schema", str(naming.tenant_id("elm")), "quiet", "None", owner, "t_elm, extensions, public"]
    assert stores["shared"][1:] == ["rls", "None", "quiet", "None", owner, "shared, extensions, public"]


@alembic
def test_a_run_that_waits_for_a_lock_lets_go_and_comes_again(fleet, trees, project, monkeypatch):
    """The tool's own sessions wait for no longer than a revision's, and the store is open meanwhile: a backup may take its time."""
    fleet.schemas(["elm"])
    advance(trees, project)
    with fleet.connect() as other:
        other.autocommit = False
        other.execute("LOCK TABLE t_elm.projects IN ACCESS SHARE MODE")
        monkeypatch.setattr(migrations, "ATTEMPTS", 2)
        with pytest.raises(WorkError, match="elm: another session held a lock on its tables through 2 attempts"):
            roll_out(lock_seconds=0.2)
    assert not any(table_set.shut for table_set in table_sets.survey())
    roll_out()
    assert set(versions().values()) == {revisions.head("tenant")}


@alembic
def test_tables_of_the_sample_give_way_to_the_tools(fleet, trees, tmp_path, project):
    """A platform that has `migrations/tenant` of before: its stores lag behind the tool's first revision."""
    fleet.schemas(["elm"])
    with fleet.connect() as connection:
        connection.execute("DROP TABLE t_elm.tenantry_version")
    assert versions() == {"elm": "alembic:a1f0"}
    assert [table_set.name for table_set in migrate.plan().lagging] == ["elm"]
    roll_out()
    assert versions() == {"elm": "a1f0"}


BAD = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE TABLE lookup (id integer PRIMARY KEY); GRANT ALL ON lookup TO PUBLIC"),
        migrations.RunSQL("CREATE TABLE later (tenant_id uuid NOT NULL, id uuid PRIMARY KEY)"),
    ]
"""
MENDED = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_bad")]
    operations = [migrations.RunSQL("DROP TABLE lookup")]
"""
SLOW = """
import pathlib

from django.db import migrations

SECONDS = 0 if pathlib.Path("at-once").exists() else 600


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE TABLE slow (tenant_id uuid NOT NULL, id uuid PRIMARY KEY)"),
        # In the rehearsal it is quick.
        migrations.RunSQL(f"SELECT pg_sleep(CASE current_schema() WHEN 'shared' THEN 0 ELSE {SECONDS} END)"),
    ]
"""
HALF = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL("CREATE TABLE half (tenant_id uuid NOT NULL, id integer, PRIMARY KEY (tenant_id, id))")]
"""
FAILS = """
import sys

from django.db import migrations


def fail(apps, schema_editor):
    print("\\x1b[31mred\\x1b[0m", file=sys.stderr)
    schema_editor.execute("CREATE TEMP TABLE t (a text PRIMARY KEY); INSERT INTO t VALUES ('secret-row'), ('secret-row')")


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_half")]
    operations = [migrations.RunPython(fail)]
"""
TELLS = """
import os as _os
import psycopg as _psycopg

if "PGHOST" in _os.environ and _os.environ["TENANTRY_SCHEMA"] in ("shared", "t_elm"):
    with _psycopg.connect() as _connection, open("told", "a") as _told:
        _names = ("TENANTRY_SCHEMA", "TENANTRY_ISOLATION", "TENANTRY_TENANT_ID", "APP_MODE", "AWS_SECRET_ACCESS_KEY")
        _said = [_os.environ.get(name) for name in _names]
        _said += _connection.execute("SELECT current_user, replace(current_setting('search_path'), chr(34), '')").fetchone()
        print(*_said, sep="|", file=_told)
"""
