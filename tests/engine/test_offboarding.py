"""Off-boarding in every model: shut out at once, held, brought back; deleted only after a proven backup, and then without a trace."""

from __future__ import annotations

import json

import psycopg
import pytest

from tenantry import naming
from tenantry.clients import key_copies
from tenantry.control import quarantine
from tenantry.operations.lifecycle import hold_expiry
from tests.engine.offboarding import BUCKET, checksums, end_hold, found, journal, plant, stopped_before
from tests.environment import entered
from tests.waiting import wait_for

pytestmark = pytest.mark.engine

MODELS = ("rls", "schema", "database", "instance")
SLUG = {"rls": "quill-feather", "schema": "umber-sketch", "database": "vellum-press", "instance": "wicker-basket"}
STAY = {"rls": "stay-rls", "schema": "stay-schema", "database": "stay-database"}
OWN = {"damaged-once": "schema", "turned-back": "schema", "stay-archive": "rls"}  # of one test each


def fields(model, slug):
    return {
        "isolation": model,
        "tier": "enterprise" if model in ("database", "instance") else "starter",
        "domains": [f"portal.{slug}.example"],
    }


@pytest.fixture(scope="module")
def platform(sandbox):
    for model, slug in (*SLUG.items(), *STAY.items(), *((model, slug) for slug, model in OWN.items())):
        sandbox.declare(slug, **fields(model, slug))
    sandbox.up()
    others = list(STAY.values())
    for slug in others:
        plant(sandbox, slug)
    before = {**checksums(sandbox, others), **journal(sandbox, others)}
    sandbox.tenantry("provision", *SLUG.values())  # mail, runs and rows of the queue, too
    assert {**checksums(sandbox, others), **journal(sandbox, others)} == before, "provisioning leaves the others as they are"
    return sandbox


def resolve(platform, host):
    """What the library tells the runtime of a host name."""
    with entered(platform.environment):
        return quarantine.resolve(host).state


def refused(platform, code, *arguments):
    """The command's error; it must end with ``code`` in one line what and one line what to do."""
    done = platform.tenantry(*arguments, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith(("error:", "  "))]
    assert len(lines) == 2, done.stderr
    return done.stderr


def state_of(platform, slug):
    with platform.sql(naming.CONTROL_DATABASE) as control:
        row = control.execute("SELECT state FROM control.tenants WHERE slug = %s", [slug]).fetchone()
    return row and row[0]


@pytest.mark.parametrize("model", ["schema", "database"])
def test_suspension_ends_sessions_at_once_and_keeps_data(platform, model):
    """A session that is open when the tenant is suspended ends, none opens, the host answers "suspended"; reactivated, all is there."""
    slug = STAY[model]
    before = checksums(platform, [slug])
    with platform.as_tenant(slug) as session:
        platform.tenantry("suspend", slug)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
        session.close()
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        platform.as_tenant(slug)
    assert resolve(platform, f"{slug}.tenantry.example") == "suspended"
    assert resolve(platform, f"PORTAL.{slug}.example.") == "suspended"
    assert "state: suspended" in (platform.tenants / f"{slug}.yaml").read_text()
    stack = naming.stack_of(model, "main", slug)
    assert platform.up("--stack", stack) == {stack: {}}, "the engine and the registry agree"
    platform.tenantry("reactivate", slug)
    assert resolve(platform, f"{slug}.tenantry.example") == "active"
    after = checksums(platform, [slug])
    assert {key: value for key, value in after.items() if "outbox" not in key} == {k: v for k, v in before.items() if "outbox" not in k}


def test_what_is_not_allowed_says_what_is(platform):
    """Unknown slugs, changes that are not allowed and deletions of what is not off-boarded are exit 2, and change nothing."""
    slug = STAY["rls"]
    assert "did you mean stay-rls?" in refused(platform, 2, "suspend", "stay-rsl")
    assert f"tenantry suspend {slug}" in refused(platform, 2, "undelete", slug)
    assert f"tenantry offboard {slug}" in refused(platform, 2, "offboard", slug, "--delete", "--yes-delete", slug)
    assert "one of: archive, delete" in refused(platform, 2, "offboard", slug, "--then", "forget")
    assert "holdDays" in refused(platform, 2, "offboard", slug, "--hold-days", "1")
    assert state_of(platform, slug) == "active"


def test_nothing_is_deleted_while_held_and_there_is_a_way_back(platform):
    """Inside the hold neither the command, nor an edit and `up`, nor a bare pulumi deletes; undelete brings everything back."""
    slug = STAY["schema"]
    before = {key: value for key, value in checksums(platform, [slug]).items() if "outbox" not in key}
    platform.tenantry("offboard", slug, "--then", "delete")
    assert "is held until" in refused(platform, 2, "offboard", slug, "--delete", "--yes-delete", slug)
    file = platform.tenants / f"{slug}.yaml"
    text = file.read_text()
    file.write_text(text.replace("state: offboarding", "state: deleted"))
    assert "no proven final backup" in refused(platform, 2, "up", slug)
    bare = platform.pulumi("up", "-s", "shared", "--yes", "--skip-preview", check=False)
    assert bare.returncode != 0
    assert "no proven final backup" in bare.stdout + bare.stderr
    file.write_text(text)
    end_hold(platform, slug)
    platform.tenantry("legal-hold", "set", slug, "--reason", "court order 12/26")
    assert "court order 12/26" in refused(platform, 2, "offboard", slug, "--delete", "--yes-delete", slug)
    platform.tenantry("legal-hold", "clear", slug)
    assert "is not stay-schema" in refused(platform, 2, "offboard", slug, "--delete", "--yes-delete", "stay")
    assert "--yes-delete stay-schema" in refused(platform, 2, "offboard", slug, "--delete")
    platform.tenantry("undelete", slug)
    assert state_of(platform, slug) == "active"
    assert {key: value for key, value in checksums(platform, [slug]).items() if "outbox" not in key} == before


def test_a_backup_that_does_not_restore_keeps_everything(platform):
    """A final backup that is damaged before its proof stops the deletion with all data there; resumed, it takes another."""
    slug = "damaged-once"
    words = plant(platform, slug)
    platform.tenantry("offboard", slug)
    end_hold(platform, slug)
    before = platform.state("shared")["resources"]
    with stopped_before(platform, "proof by restore") as reached:
        process = platform.start("offboard", slug, "--delete", "--yes-delete", slug)
        reached()
        with platform.sql(naming.CONTROL_DATABASE) as control:
            backup = control.execute("SELECT bucket, prefix FROM control.backups WHERE reason = 'final' AND state = 'done'").fetchone()
        s3 = platform.s3()
        key = next(e["Key"] for e in s3.list_objects_v2(Bucket=backup[0], Prefix=backup[1])["Contents"] if "data" in e["Key"])
        body = bytearray(s3.get_object(Bucket=backup[0], Key=key)["Body"].read())
        body[len(body) // 2] ^= 1
        s3.put_object(Bucket=backup[0], Key=key, Body=bytes(body))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "is not proven, and nothing was dropped" in output
    assert [r["urn"] for r in platform.state("shared")["resources"]] == [r["urn"] for r in before]
    assert state_of(platform, slug) == "offboarding"
    with platform.sql("cell_main") as admin:
        assert admin.execute("SELECT count(*) FROM t_damaged_once.documents").fetchone() == (20,)
    platform.tenantry("offboard", slug, "--delete", "--yes-delete", slug)
    left = found(platform, words)
    assert not left, "\n".join(left)


def test_undelete_stops_a_deletion_that_is_at_work(platform):
    """Given while the final backup is being proven, it ends the deletion there and brings the tenant back; nothing of it is resumed."""
    slug = "turned-back"
    plant(platform, slug)
    before = {key: value for key, value in checksums(platform, [slug]).items() if "outbox" not in key}
    platform.tenantry("offboard", slug)
    end_hold(platform, slug)
    with stopped_before(platform, "proof by restore") as reached:
        deleting = platform.start("offboard", slug, "--delete", "--yes-delete", slug)
        reached()
        undeleting = platform.start("undelete", slug)
        with platform.sql(naming.CONTROL_DATABASE) as control:
            hold = "SELECT 1 FROM control.holds WHERE tenant = %s"
            wait_for(lambda: control.execute(hold, [naming.tenant_id(slug)]).fetchone() is None)
    output, _ = deleting.communicate(timeout=120)
    assert deleting.returncode == 1, output
    assert "is not off-boarded" in output
    output, _ = undeleting.communicate(timeout=120)
    assert undeleting.returncode == 0, output
    assert state_of(platform, slug) == "active"
    assert {key: value for key, value in checksums(platform, [slug]).items() if "outbox" not in key} == before
    assert "was cancelled" in refused(platform, 2, "resume", latest_run(platform))
    assert platform.up("--stack", "shared") == {"shared": {}}, "the engine and the registry agree"


@pytest.mark.parametrize("model", MODELS)
def test_a_deletion_leaves_the_record_and_nothing_else(platform, model):
    """A search for slug, id, hosts and canaries finds the record, ids and the quarantine; every other tenant is as it was, to the byte."""
    slug = SLUG[model]
    words = plant(platform, slug)
    others = list(STAY.values())
    before = {**checksums(platform, others), **journal(platform, others)}
    assert len(found(platform, words)) > 10, "the search would find nothing"
    platform.tenantry("suspend", slug)
    platform.tenantry("offboard", slug)
    end_hold(platform, slug)
    platform.tenantry("offboard", slug, "--delete", "--yes-delete", slug)
    left = found(platform, words)
    assert not left, "\n".join(left)
    assert {**checksums(platform, others), **journal(platform, others)} == before
    assert resolve(platform, f"{slug}.tenantry.example") == "deleted"
    assert resolve(platform, f"portal.{slug}.example") == "deleted"
    assert resolve(platform, "never.tenantry.example") == "unknown"
    record = json.loads(platform.tenantry("deletion", "show", slug, "--json").stdout)
    assert record["existed"]["rows"] == {"documents": 20, "user_settings": 1, "users": 1}
    assert record["final_backup"]["rows"] == 22
    assert record["backups_kept_until"] > record["at"]
    assert not (platform.tenants / f"{slug}.yaml").exists()
    stacks = ("--all",) if model == MODELS[-1] else ("--stack", "shared")
    assert all(changes == {} for changes in platform.up(*stacks).values()), "nothing is left to do"


def test_the_record_is_checked_without_the_platform(platform, tmp_path):
    """An exported record is valid with the public key alone; one changed character, or another key, is not."""
    file, key = tmp_path / "record.json", tmp_path / "key.pem"
    file.write_text(platform.tenantry("deletion", "export", SLUG["schema"]).stdout)
    key.write_text(platform.tenantry("deletion", "key").stdout)
    offline = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "PGHOST": "127.0.0.1", "PGPORT": "9"}
    assert "valid: umber-sketch was deleted" in platform.tenantry("deletion", "verify", str(file), "--key", str(key), **offline).stdout
    text = file.read_text()
    file.write_text(text.replace('"documents": 20', '"documents": 21', 1))
    changed = platform.tenantry("deletion", "verify", str(file), "--key", str(key), check=False)
    assert (changed.returncode, "was changed after it was signed" in changed.stderr) == (1, True)
    file.write_text(text)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    other = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key.write_bytes(other)
    assert platform.tenantry("deletion", "verify", str(file), "--key", str(key), check=False).returncode == 1
    file.write_text("{}")
    assert platform.tenantry("deletion", "verify", str(file), check=False).returncode == 2


def test_names_in_quarantine_are_given_to_nobody(platform):
    """Neither the slug nor a host name of a deleted tenant can be declared again, by `up` or a bare pulumi, until it is released."""
    slug = SLUG["schema"]
    for name, more in ((slug, {}), ("newcomer", {"domains": [f"portal.{slug}.example"]})):
        platform.declare(name, isolation="rls", **more)
        assert "is in quarantine" in refused(platform, 2, "up", name)
        bare = platform.pulumi("preview", "-s", "shared", check=False)
        assert "is in quarantine" in bare.stdout + bare.stderr
        platform.remove_file(name)
    platform.tenantry("quarantine", "release", f"portal.{slug}.example")
    platform.declare("newcomer", isolation="rls", domains=[f"portal.{slug}.example"])
    assert platform.up("newcomer")["shared"]["create"] > 3
    assert resolve(platform, f"portal.{slug}.example") == "active"


def test_an_archive_keeps_its_backup_without_end(platform):
    """Archived at the end of the hold by wish, without anybody's command; its backup has no end, and the engine has nothing left to do."""
    slug = "stay-archive"
    words = plant(platform, slug)
    platform.tenantry("offboard", slug, "--then", "archive")
    end_hold(platform, slug)
    expire(platform)
    run = latest_run(platform)
    platform.tenantry("resume", run)
    left = found(platform, words)
    assert not left, "\n".join(left)
    record = json.loads(platform.tenantry("deletion", "show", slug, "--json").stdout)
    assert (record["outcome"], record["backups_kept_until"], record["via"]) == ("archived", None, "schedule")
    expire(platform)
    assert record["final_backup"]["id"] in platform.tenantry("backup", "list", slug).stdout
    verified = platform.tenantry("backup", "verify", record["final_backup"]["id"])
    assert verified.returncode == 0


def test_backups_end_when_their_time_is_over(platform):
    """After the days that the record names, objects and key of a deleted tenant's backups are gone; an archive's stay."""
    slug = SLUG["rls"]
    tenant = naming.tenant_id(slug)
    with platform.sql(naming.CONTROL_DATABASE) as control:
        control.execute("UPDATE control.retained_backups SET until = now() WHERE tenant = %s", [tenant])
    expire(platform)
    with platform.sql(naming.CONTROL_DATABASE) as control:
        assert control.execute("SELECT count(*) FROM control.backup_keys WHERE tenant_id = %s", [tenant]).fetchone() == (0,)
        assert control.execute("SELECT count(*) FROM control.backup_keys").fetchone()[0] >= 2
    with entered(platform.environment):
        assert key_copies.find(tenant) is None
        assert key_copies.any_there()
    versions = platform.s3().list_object_versions(Bucket="tenantry-dev--backups", Prefix=f"{tenant}/")
    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")


def expire(platform):
    """What the scheduled task does."""
    with entered(platform.environment):
        hold_expiry()


def latest_run(platform):
    with platform.sql(naming.CONTROL_DATABASE) as control:
        return str(control.execute("SELECT id FROM control.runs WHERE kind = 'delete' ORDER BY requested_at DESC LIMIT 1").fetchone()[0])


def test_the_bucket_is_still_there(platform):
    """The cell's bucket outlives its tenants."""
    assert platform.s3().head_bucket(Bucket=BUCKET)
