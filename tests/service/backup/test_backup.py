"""A backup holds one tenant's data, all of it and nobody else's, and is refused when it is not what was stored."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager

import pyrage
import pytest

from tenantry.clients import archive, aws
from tenantry.clients.archive import Damaged
from tenantry.control import backup_keys, backup_manifest, backups, keys
from tenantry.errors import InputError, WorkError
from tenantry.operations import backup
from tenantry.operations.backup import reading
from tenantry.operations.backup.reading import Stored
from tenantry.postgres import pgtools
from tenantry.postgres.server import Server

pytestmark = pytest.mark.service

MODELS = ("rls", "schema", "database")


@pytest.fixture
def pair(tenant):
    """Two tenants of a model."""
    return lambda model: (tenant(f"bk-{model}-one", model), tenant(f"bk-{model}-two", model))


@pytest.mark.parametrize("model", MODELS)
def test_a_backup_proves_itself_in_scratch(platform, pair, model):
    """Restored into scratch, every table, registry row and object is as the manifest says, and the scratch database is gone."""
    store, _ = pair(model)
    taken = backup.create(store.slug, reason="test")
    assert taken.manifest.tables["documents"].rows == 20
    assert {entry.key for entry in taken.manifest.objects} == {"branding/theme.css", "files/bücher & co.txt"}
    assert taken.manifest.registry["tenant_configurations"] == 1
    before = platform.databases()
    proof = backup.prove(taken.id)
    assert (proof.ok, proof.problems, proof.objects) == (True, (), 2)
    assert proof.rows == taken.manifest.rows == 22
    assert platform.databases() == before
    assert backups.find(taken.id).proved_at is not None


@pytest.mark.parametrize("model", MODELS)
def test_nothing_of_the_tenant_stands_in_the_bucket_in_plain(platform, pair, model):
    """No object of the backup holds a word of the tenant's; with the tenant's key it does, and with another's it does not open."""
    store, other = pair(model)
    taken = backup.create(store.slug)
    entry = backups.find(taken.id)
    s3 = aws.client("s3")
    stored = {o["Key"]: s3.get_object(Bucket=entry.bucket, Key=o["Key"])["Body"].read() for o in
              s3.list_objects_v2(Bucket=entry.bucket, Prefix=entry.prefix)["Contents"]}  # fmt: skip
    assert len(stored) == len(taken.manifest.parts) + 1
    assert not any(word in body for body in stored.values() for word in (store.slug.encode(), b"back\\slash", b"theme.css"))
    part = next(part for part in taken.manifest.parts if part.kind == "registry")
    text = bytearray()
    Stored.open(taken.id).feed(part, text.extend)
    assert store.slug.encode() in text
    assert b"token_hash" not in text
    backup_keys.recipient(other.id)
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(stored[entry.key("manifest.age")], [pyrage.x25519.Identity.from_str(backup_keys.identity(other.id))])


def test_a_wrong_policy_cannot_leak_rows_into_a_backup(platform, pair):
    """With a policy that shows the neighbour's rows the backup fails and says so, and leaves nothing in the bucket."""
    store, _ = pair("rls")
    with Server.from_environment().connect(store.database) as connection:
        connection.execute("CREATE POLICY leak ON shared.documents USING (true)")
        (neighbours,) = connection.execute("SELECT count(*) FROM shared.documents WHERE tenant_id <> %s", [store.id]).fetchone()
    try:
        with pytest.raises(WorkError, match=f"documents shows {neighbours} rows of other tenants"):
            backup.create(store.slug)
    finally:
        with Server.from_environment().connect(store.database) as connection:
            connection.execute("DROP POLICY leak ON shared.documents")
    entry = backups.listed(store.id, state=None)[0]
    assert entry.state == "failed"
    assert aws.client("s3").list_objects_v2(Bucket=entry.bucket, Prefix=entry.prefix)["KeyCount"] == 0


def overwrite(entry, name, change):
    s3 = aws.client("s3")
    body = s3.get_object(Bucket=entry.bucket, Key=entry.key(name))["Body"].read()
    s3.put_object(Bucket=entry.bucket, Key=entry.key(name), Body=change(body))


def flipped(body):
    return body[: len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1 :]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("damage", ["flipped bit", "truncated", "another tenant's", "another time's", "manifest flipped", "rewritten"])
def test_a_damaged_backup_is_refused(platform, pair, model, damage):
    """A bit, a missing end, another tenant's part, an older part, a changed manifest and an honest forgery: each is refused by name."""
    store, other = pair(model)
    older, taken, foreign = backup.create(store.slug), backup.create(store.slug), backup.create(other.slug)
    entry = backups.find(taken.id)
    name = next(part.name for part in taken.manifest.parts if part.kind in ("rows", "dump"))

    def body_of(backup_id):
        source = backups.find(backup_id)
        return aws.client("s3").get_object(Bucket=source.bucket, Key=source.key(name))["Body"].read()

    match damage:
        case "flipped bit":
            overwrite(entry, name, flipped)
        case "truncated":
            overwrite(entry, name, lambda body: body[:-20])
        case "another tenant's":
            overwrite(entry, name, lambda body: body_of(foreign.id))
        case "another time's":
            overwrite(entry, name, lambda body: body_of(older.id))
        case "manifest flipped":
            overwrite(entry, "manifest.age", flipped)
        case "rewritten":  # by somebody who has the tenant's public key and the control database, but not the platform's signing key
            forged = pyrage.encrypt(b'{"manifest": {"format": 1}, "signature": "AAAA"}',
                                    [pyrage.x25519.Recipient.from_str(backup_keys.recipient(store.id))])  # fmt: skip
            overwrite(entry, "manifest.age", lambda body: forged)
            backups.mark(entry.id, manifest_sha256=hashlib.sha256(forged).digest())
    image = platform.image(store)
    with pytest.raises(Damaged) as caught:
        Stored.open(taken.id).check()
    assert caught.value.exit_code == 2
    with pytest.raises(Damaged):
        backup.prove(taken.id)
    assert platform.image(store) == image
    assert not [name for name in platform.databases() if "scratch" in name]


def test_an_erased_key_makes_the_backup_unreadable(platform):
    """After the key's erasure the backup opens for nobody, the platform's own identity included."""
    store = platform.tenant("bk-erased", "rls")
    taken = backup.create(store.slug)
    assert backup.erase_key(store.id)
    with pytest.raises(InputError, match="was erased"):
        Stored.open(taken.id)
    assert not backup.erase_key(store.id)


def test_no_byte_of_a_changed_dump_is_run(platform, pair, monkeypatch):
    """Another dump that the tenant's key opens is refused before pg_restore has it; one that is put there after the check is not read."""
    store, _ = pair("schema")
    other, taken, written = backup.create(store.slug), backup.create(store.slug), []
    entry, name = backups.find(taken.id), "data.dump.zst.age"
    body = aws.client("s3").get_object(Bucket=entry.bucket, Key=backups.find(other.id).key(name))["Body"].read()
    load, writing = archive.load, pgtools.writing

    @contextmanager
    def noted(*arguments):
        with writing(*arguments) as write:
            yield lambda data: (written.append(data), write(data))

    def late(bucket, key, *rest):
        if key == entry.key(name):
            overwrite(entry, name, lambda _: body)
        load(bucket, key, *rest)

    monkeypatch.setattr(pgtools, "writing", noted)
    with monkeypatch.context() as patch:
        patch.setattr(archive, "load", late)
        assert backup.prove(taken.id).ok
    written.clear()
    with pytest.raises(Damaged, match="is not what was stored"):
        backup.prove(taken.id)
    assert written == []


def test_a_lost_platform_key_ends_backups_at_once(platform, pair):
    """Neither taking nor verifying makes a new one in its place; brought back, all is as it was. With another one nothing is taken."""
    store, _ = pair("rls")
    taken, manager = backup.create(store.slug), aws.client("secretsmanager")
    listed, name = len(backups.listed(store.id, state=None)), f"{backups.bucket().removesuffix('--backups')}/tenantry/keys"
    text = manager.get_secret_value(SecretId=name)["SecretString"]
    manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    keys._keys.cache_clear()
    for work in (lambda: backup.create(store.slug), lambda: Stored.open(taken.id).check(), keys.signing):
        with pytest.raises(WorkError, match=rf"there is no secret {name}, and the backups of \d+ tenants need it"):
            work()
    assert aws.find_secret(name) is None
    manager.create_secret(Name=name, SecretString=json.dumps(keys._new()))
    with pytest.raises(InputError, match="sealed to another platform key"):
        backup.create(store.slug)
    assert len(backups.listed(store.id, state=None)) == listed, "none was begun"
    manager.put_secret_value(SecretId=name, SecretString=text)
    keys._keys.cache_clear()
    Stored.open(taken.id).check()


def test_a_newer_format_and_newer_tables_are_refused(platform, pair, monkeypatch):
    """What a newer Tenantry wrote is refused, naming the version that can read it."""
    store, _ = pair("rls")
    taken = backup.create(store.slug)
    monkeypatch.setattr("tenantry.control.backup_manifest.FORMAT", 0)
    with pytest.raises(InputError, match="has format 4; this Tenantry reads up to 0"):
        Stored.open(taken.id)
    monkeypatch.undo()


def test_a_backup_from_before_formats_were_signed_is_read(platform, pair, monkeypatch):
    """Format 2 with its manifest signed as bare text, as Tenantry wrote it then: verified, proven; as format 3 it is refused."""
    store, _ = pair("rls")
    with monkeypatch.context() as patch:
        patch.setattr(backup_manifest.signatures, "sign", lambda form, text: keys.signing().sign(text))
        with patch.context() as former:
            former.setattr(backup_manifest, "FORMAT", 2)
            taken = backup.create(store.slug)
        forged = backup.create(store.slug)
    assert taken.manifest.format == 2
    Stored.open(taken.id).check()
    assert backup.prove(taken.id).ok
    with pytest.raises(Damaged, match="does not bear this platform's signature"):
        Stored.open(forged.id)


def test_unknown_and_unfinished_backups_are_refused(platform, pair):
    """An id that is not there is answered with the nearest that is."""
    store, _ = pair("rls")
    taken = backup.create(store.slug)
    with pytest.raises(InputError, match="no backup") as caught:
        Stored.open(taken.id[:-1] + "x")
    assert "did you mean" in caught.value.hint
    with pytest.raises(InputError, match="is not finished"):
        Stored.open(backups.begin(store.id, store.isolation, "test", backups.new_id()).id)


@pytest.mark.parametrize("model", ["schema", "database"])
def test_a_table_of_the_tenants_own_is_in_its_backup(platform, pair, model):
    """Own schemas and databases are dumped whole: a table that this tenant alone has comes back in the proof."""
    store, _ = pair(model)
    with store.acting(store.owner) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS extra (id int PRIMARY KEY, amount numeric, mood text)")
        connection.execute("INSERT INTO extra VALUES (1, 1.00, NULL), (2, 1.0, 'x') ON CONFLICT DO NOTHING")
    taken = backup.create(store.slug)
    assert taken.manifest.tables["extra"].rows == 2
    assert backup.prove(taken.id).ok
    with store.acting(store.owner) as connection:
        connection.execute("DROP TABLE extra")


def test_the_checksum_sees_what_changes_and_nothing_else(platform):
    """Another value or scale, NULL, a doubled row, two that swapped a value: seen; the order of rows and the tenant's id: not."""
    from tenantry.postgres import checksums

    with Server.from_environment().connect() as connection:
        connection.execute("CREATE TEMP TABLE t (tenant_id uuid, a int, n numeric, j jsonb, e text)")
        ids = [registry_id for registry_id in ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")]

        def figure(rows, tenant=ids[0]):
            connection.execute("TRUNCATE t")
            for row in rows:
                connection.execute("INSERT INTO t VALUES (%s, %s, %s::numeric, %s::jsonb, %s)", [tenant, *row])
            schema = connection.execute("SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()").fetchone()[0]
            return checksums.figures(connection, schema, ["t"], tenant)["t"]

        rows = [(1, "1.0", '{"a": 1}', "x"), (2, None, None, "")]
        base = figure(rows)
        assert figure(rows[::-1]) == base
        assert figure(rows, ids[1]) == base
        changed = [
            [(1, "1.00", '{"a": 1}', "x"), rows[1]],
            [(1, "1.0", '{"a": 1.0}', "x"), rows[1]],
            [rows[0], (2, None, None, None)],
            [rows[0], rows[0]],
            [rows[0], (3, None, None, "")],
        ]
        assert all(figure(other).checksum != base.checksum for other in changed)
        assert base.checksum == "1713051433815925675", "what manifests hold keeps its meaning"
        swapped = figure([(1, "1.0", '{"a": 1}', ""), (2, None, None, "x")])
        assert swapped.checksum == base.checksum, "why there is a second sum"
        assert checksums.differences({"t": base}, {"t": swapped}) == ["t has 2 rows, but not the same"]
        old = base.model_copy(update={"mixed": None})
        assert checksums.differences({"t": old}, {"t": base}) == [], "a manifest of format 1"
        connection.rollback()


def test_differences_are_said_in_words(platform, pair):
    """Each kind of difference between a manifest and what was found is named by table."""
    store, _ = pair("rls")
    tables = backup.create(store.slug).manifest.tables
    less = {**tables, "documents": tables["documents"].model_copy(update={"rows": 19})}
    other = {**tables, "documents": tables["documents"].model_copy(update={"checksum": "0"})}
    compared = reading.checksums.differences
    assert compared(tables, tables) == []
    assert compared(tables, less) == ["documents has 19 rows, not 20"]
    assert compared(tables, other) == ["documents has 20 rows, but not the same"]
    assert compared(tables, {"users": tables["users"], "user_settings": tables["user_settings"]}) == ["documents is missing"]
