"""Backups and restores as people do them: the real engine's platform, the command line, durable runs, a server of a tenant's own."""

from __future__ import annotations

import json

import pytest
from psycopg import sql

from tenantry import naming
from tests.engine.offboarding import BUCKET, checksums

pytestmark = pytest.mark.engine

TENANTS = {"b-rls": "rls", "b-sch": "schema", "b-db": "database", "b-ins": "instance"}


@pytest.fixture(scope="module")
def platform(sandbox):
    for slug, isolation in TENANTS.items():
        sandbox.declare(slug, isolation=isolation)
    sandbox.up()
    for slug in TENANTS:
        write(sandbox, slug, "saved")
    return sandbox


def write(sandbox, slug, title):
    tenant = naming.tenant_id(slug)
    with sandbox.as_tenant(slug) as connection:
        row = connection.execute(
            "INSERT INTO users (tenant_id, email, name) VALUES (%s, gen_random_uuid()::text, 'U') RETURNING id", [tenant]
        ).fetchone()
        connection.execute("INSERT INTO documents (tenant_id, author_id, title) VALUES (%s, %s, %s)", [tenant, row[0], title])


def titles(sandbox, slug):
    with sandbox.as_tenant(slug) as connection:
        return sorted(title for (title,) in connection.execute("SELECT title FROM documents"))


def asked(sandbox, *arguments, check=True):
    return json.loads(sandbox.tenantry(*arguments, "--json", check=check).stdout)


def test_all_are_backed_up_restored_and_left_as_declared(platform):
    """`backup --all`, damage, `restore --from newest`: the rows are back for the application with its own credentials, in every model.

    Afterwards the engine finds nothing to change, not even when it looks at what is really there; the same after a rollback.
    """
    runs = asked(platform, "backup", "--all")
    assert {run["subject"]: run["state"] for run in runs} == dict.fromkeys(TENANTS, "done")
    listed = asked(platform, "backup", "list")
    assert {entry["slug"]: (entry["model"], entry["rows"]) for entry in listed} == {slug: (m, 2) for slug, m in TENANTS.items()}
    for slug in TENANTS:
        with platform.as_tenant(slug) as connection:
            connection.execute("DELETE FROM documents")
        write(platform, slug, "later")
        platform.tenantry("restore", slug, "--from", "newest")
        assert titles(platform, slug) == ["saved"]
    changes = platform.up("--all", "--refresh")
    assert not any(changes.values())
    platform.tenantry("restore", "rollback", "b-db")
    platform.tenantry("restore", "rollback", "b-rls")
    for slug in ("b-sch", "b-ins"):
        platform.tenantry("restore", "confirm", slug)
    assert {slug: titles(platform, slug) for slug in TENANTS} == {
        "b-rls": ["later"], "b-db": ["later"], "b-sch": ["saved"], "b-ins": ["saved"],
    }  # fmt: skip
    changes = platform.up("--all", "--refresh")
    assert not any(changes.values())


def test_a_backup_becomes_a_new_tenant(platform):
    """`--as` writes the file, provisions the tenant and fills it; its application sees the rows under its own id."""
    newest = next(entry for entry in asked(platform, "backup", "list", "b-sch"))
    platform.tenantry("restore", "b-sch", "--from", newest["id"], "--as", "b-copy")
    assert (platform.tenants / "b-copy.yaml").exists()
    assert titles(platform, "b-copy") == ["saved"]
    assert asked(platform, "mail", "list", "b-copy") == []  # the administrator that the file names is nobody
    again = platform.tenantry("restore", "b-sch", "--from", newest["id"], "--as", "b-copy", check=False)
    assert (again.returncode, "b-copy has data already" in again.stderr) == (2, True)


def test_backups_are_shown_checked_and_rehearsed(platform):
    """`show`, `verify --restore` and `restore drill` say what there is, that it is whole, how old it is, and how long it takes."""
    newest = next(entry for entry in asked(platform, "backup", "list", "b-ins"))
    shown = asked(platform, "backup", "show", newest["id"])
    assert shown["manifest"]["tables"]["documents"]["rows"] == 1
    assert asked(platform, "backup", "verify", newest["id"], "--restore")["restored"] is True
    drills = {one["slug"]: one for one in json.loads(platform.tenantry("restore", "drill", "--json", check=False).stdout)}
    assert all(drills[slug]["ok"] and drills[slug]["rto"] > 0 for slug in TENANTS)
    assert drills["b-copy"]["problem"] == "there is no backup of this tenant"
    with platform.sql() as admin:
        assert not [name for (name,) in admin.execute("SELECT datname FROM pg_database") if "scratch" in name or "__kept" in name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("backup", "nobody"), "no tenant nobody"),
        (("backup",), "Usage"),
        (("backup", "--reason", "x"), "say which: SLUG or --all"),
        (("backup", "show", "20200101T000000Z-00000000"), "no backup 20200101T000000Z-00000000"),
        (("restore", "b-db", "--from", "20200101T000000Z-00000000"), "no backup 20200101T000000Z-00000000"),
        (("restore", "confirm", "b-copy"), "no restore that waits"),
        (("new", "list", "--tier", "starter"), "reserved"),
    ],
)
def test_what_makes_no_sense_is_refused(platform, arguments, message):
    """Exit 2 and one line."""
    done = platform.tenantry(*arguments, check=False)
    assert done.returncode == 2
    assert message in done.stdout + done.stderr


def test_a_damaged_backup_is_refused_by_the_command(platform):
    """A flipped bit: exit 2, one line, and the tenant's rows are what they were."""
    newest = next(entry for entry in asked(platform, "backup", "list", "b-db"))
    bucket, _, prefix = newest["where"].removeprefix("s3://").partition("/")
    key = f"{prefix}data.dump.zst.age"
    body = platform.s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    platform.s3().put_object(Bucket=bucket, Key=key, Body=body[:-1] + bytes([body[-1] ^ 1]))
    before = titles(platform, "b-db")
    done = platform.tenantry("restore", "b-db", "--from", newest["id"], check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) <= 3
    assert "data.dump.zst.age" in done.stderr
    assert titles(platform, "b-db") == before


def test_no_secret_is_in_the_control_database(platform):
    """Neither the tenants' age identities nor a password are readable in any row that backups write."""
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        for table in ("backup_keys", "backups", "restores", "restore_drills", "runs", "run_steps"):
            rows = admin.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier("control", table))).fetchall()
            text = "\n".join(row for (row,) in rows)
            assert "AGE-SECRET-KEY" not in text
            assert b"AGE-SECRET-KEY".hex() not in text
            assert platform.environment["PGPASSWORD"] not in text


def test_one_of_several_with_a_server_of_its_own_comes_back(platform):
    """Of two tenants with servers of their own and three others one is restored: equal to what was saved in every row and object; the
    others keep every byte and every version."""
    platform.declare("b-own", isolation="instance")
    platform.up("b-own")
    others = [*TENANTS, "b-copy"]
    for slug in ("b-own", *others):
        write(platform, slug, "image")
        platform.s3().put_object(Bucket=BUCKET, Key=f"tenants/{slug}/files/a.txt", Body=slug.encode(), ContentType="text/plain")
    platform.tenantry("backup", "b-own")
    saved, before = image(platform, "b-own"), checksums(platform, others)
    with platform.as_tenant("b-own") as connection:
        connection.execute("DELETE FROM documents")
        connection.execute("UPDATE users SET name = 'gone'")
    write(platform, "b-own", "too much")
    platform.s3().delete_object(Bucket=BUCKET, Key="tenants/b-own/files/a.txt")
    platform.s3().put_object(Bucket=BUCKET, Key="tenants/b-own/files/new.txt", Body=b"too much")
    assert image(platform, "b-own") != saved
    platform.tenantry("restore", "b-own", "--from", "newest")
    assert image(platform, "b-own") == saved
    assert checksums(platform, others) == before
    platform.tenantry("restore", "confirm", "b-own")
    assert image(platform, "b-own") == saved
    assert not any(platform.up("b-own", "--refresh").values())


def image(sandbox, slug):
    """Of a tenant, a checksum of its rows in every table, and its objects as they are now, whatever version that is."""
    rows = {name: value for name, value in checksums(sandbox, [slug]).items() if not name.endswith(" objects")}
    listed = sandbox.s3().list_objects_v2(Bucket=BUCKET, Prefix=f"tenants/{slug}/")["Contents"]
    return rows, {entry["Key"]: entry["ETag"] for entry in listed}
