"""The key of a tenant's backups is in two places: one that is gone comes back from the other, and only an erasure takes both."""

from __future__ import annotations

import pyrage
import pytest

from tenantry.clients import aws, key_copies
from tenantry.control import backup_keys, backups, keys
from tenantry.control.database import transaction
from tenantry.errors import InputError, WorkError
from tenantry.operations import backup, doctor
from tenantry.operations.backup.reading import Stored

pytestmark = pytest.mark.service


def remove_row(store):
    """What one statement does (AUDIT S3, disaster D9)."""
    with transaction() as connection:
        assert connection.execute("DELETE FROM backup_keys WHERE tenant_id = %s", [store.id]).rowcount == 1


def noted(store):
    with transaction() as connection:
        rows = connection.execute("SELECT outcome FROM audit_log WHERE tenant_id = %s AND action = 'backup key' ORDER BY id", [store.id])
        return [row["outcome"] for row in rows]


def test_a_row_that_is_gone_comes_back_with_a_word(platform):
    """Verifying, proving and taking a backup each bring it back, the same key, and say so; the audit log has it."""
    store = platform.tenant("key-row", "rls")
    taken = backup.create(store.slug)
    identity = backup_keys.identity(store.id)
    said = []
    for work in (
        lambda: Stored.open(taken.id, said.append).check(), lambda: backup.prove(taken.id, said.append),
        lambda: backup.create(store.slug, tell=said.append),
    ):  # fmt: skip
        remove_row(store)
        said.clear()
        work()
        assert [line for line in said if "brought back from its second copy" in line]
        assert backup_keys.identity(store.id) == identity
    assert noted(store) == ["made", "recovered", "recovered", "recovered"]


def test_a_platform_of_before_gets_the_second_copy_with_its_next_backup(platform):
    """A row made by an earlier Tenantry: doctor names it, the next backup copies it, the earlier backup still opens with the copy alone."""
    store = platform.tenant("key-before", "rls")
    made = pyrage.x25519.Identity.generate()
    public = pyrage.x25519.Identity.from_str(keys.backup_identity()).to_public()
    with transaction() as connection:
        connection.execute(
            "INSERT INTO backup_keys (tenant_id, sealed, recipient) VALUES (%s, %s, %s)",
            [store.id, pyrage.encrypt(str(made).encode(), [public]), str(made.to_public())],
        )
    assert key_copies.find(store.id) is None
    with pytest.raises(WorkError, match="no second copy is known"):
        doctor._backup_keys()
    taken = backup.create(store.slug)
    assert backup_keys.identity(store.id) == str(made)
    remove_row(store)
    Stored.open(taken.id).check()
    assert backup_keys.identity(store.id) == str(made)
    assert doctor._backup_keys() == "each has its second copy"


def test_a_copy_that_is_gone_is_made_again(platform):
    store = platform.tenant("key-copy", "rls")
    backup.create(store.slug)
    identity = backup_keys.identity(store.id)
    assert key_copies.erase(store.id)
    backup.create(store.slug)
    remove_row(store)
    assert backup_keys.identity(store.id) == identity


def test_no_other_key_is_made_while_backups_need_the_lost_one(platform):
    """Both gone: taking, verifying refuse by name, also when the control database has forgotten the backups; renewed by word only."""
    store = platform.tenant("key-lost", "rls")
    taken = backup.create(store.slug)
    identity = backup_keys.identity(store.id)
    with transaction() as connection:
        row = connection.execute("SELECT * FROM backup_keys WHERE tenant_id = %s", [store.id]).fetchone()
    remove_row(store)
    assert key_copies.erase(store.id)
    listed = len(backups.listed(store.id, state=None))
    with pytest.raises(WorkError, match=r"is gone, .*; 1 backups need it"):
        backup.create(store.slug)
    with pytest.raises(InputError, match="is gone, the row"):
        Stored.open(taken.id)
    with pytest.raises(WorkError, match=r"the key of key-lost's backups is gone from the control database"):
        doctor._backup_keys()
    with transaction() as connection:
        connection.execute("UPDATE backups SET state = 'pruned' WHERE id = %s", [taken.id])
    with pytest.raises(WorkError, match="there are backups in the bucket that need it"):
        backup.create(store.slug)
    with transaction() as connection:
        connection.execute("UPDATE backups SET state = 'done' WHERE id = %s", [taken.id])
        connection.execute(
            "INSERT INTO backup_keys (tenant_id, sealed, recipient) VALUES (%s, %s, %s)", [store.id, row["sealed"], row["recipient"]]
        )
    Stored.open(taken.id).check()
    assert len(backups.listed(store.id, state=None)) == listed, "none was begun"
    with pytest.raises(InputError, match="have a key"):
        backup_keys.renew(store.id)
    remove_row(store)
    key_copies.erase(store.id)
    backup_keys.renew(store.id)
    assert backup_keys.identity(store.id) != identity
    newer = backup.create(store.slug)
    Stored.open(newer.id).check()
    with pytest.raises(InputError, match="does not open with this tenant's key"):
        Stored.open(taken.id)


def test_two_keys_of_one_tenant_are_not_chosen_between(platform):
    """A row that somebody put there in place of the tenant's: no backup is taken for a key that the copy does not know."""
    store = platform.tenant("key-two", "rls")
    taken = backup.create(store.slug)
    foreign = pyrage.x25519.Identity.generate()
    public = pyrage.x25519.Identity.from_str(keys.backup_identity()).to_public()
    with transaction() as connection:
        connection.execute(
            "UPDATE backup_keys SET sealed = %s WHERE tenant_id = %s", [pyrage.encrypt(str(foreign).encode(), [public]), store.id]
        )
    with pytest.raises(WorkError, match="hold different keys"):
        backup.create(store.slug)
    remove_row(store)
    Stored.open(taken.id).check()


def test_erasing_takes_both_and_is_proven(platform, monkeypatch):
    """Neither row nor parameter is left, nothing opens, repeating is a no-op; a copy that stays is an error; the next key is new."""
    store = platform.tenant("key-erased", "rls")
    taken = backup.create(store.slug)
    with monkeypatch.context() as patch:
        patch.setattr(key_copies, "find", lambda tenant_id: b"still there")
        with pytest.raises(WorkError, match="is there again after it was erased"):
            backup.erase_key(store.id)
    assert not backup.erase_key(store.id)
    with pytest.raises(aws.client("ssm").exceptions.ParameterNotFound):
        aws.client("ssm").get_parameter(Name=key_copies.name_of(store.id))
    with pytest.raises(InputError, match="was erased"):
        Stored.open(taken.id)
    assert noted(store) == ["made", "erased"]
    again = backup.create(store.slug)
    Stored.open(again.id).check()
    with pytest.raises(InputError, match="does not open"):
        Stored.open(taken.id)


def test_who_recovers_while_it_is_erased_leaves_nothing(platform, monkeypatch):
    """The copy was read, then the key is erased, then the row would be made again: it is not."""
    store = platform.tenant("key-race", "rls")
    backup.create(store.slug)
    remove_row(store)
    find, first = key_copies.find, [True]

    def late(tenant_id):
        found = find(tenant_id)
        if first:
            first.clear()
            monkeypatch.setattr(key_copies, "find", find)
            backup.erase_key(tenant_id)
        return found

    monkeypatch.setattr(key_copies, "find", late)
    with pytest.raises(InputError):
        backup_keys.identity(store.id)
    assert find(store.id) is None
    assert backup_keys._row(store.id) is None


def test_a_backup_is_taken_though_the_copy_cannot_be_kept(platform, monkeypatch):
    """Systems Manager refuses: said, and doctor names it; a first key is not made then."""
    store, other = platform.tenant("key-alone", "rls"), platform.tenant("key-first", "rls")
    backup.create(store.slug)

    def refused(tenant_id, sealed):
        raise WorkError("parameter: AccessDenied", "allow it")

    said = []
    with monkeypatch.context() as patch:
        patch.setattr(key_copies, "keep", refused)
        backup.create(store.slug, tell=said.append)
        assert [line for line in said if "no second copy of the key could be kept: parameter: AccessDenied" in line]
        with pytest.raises(WorkError, match="no second copy is known"):
            doctor._backup_keys()
        with pytest.raises(WorkError, match="AccessDenied"):
            backup.create(other.slug)
    assert backup_keys._row(other.id) is None
    backup.create(store.slug)
    assert doctor._backup_keys() == "each has its second copy"


def test_no_platform_key_is_made_while_copies_need_the_lost_one(platform, monkeypatch):
    """The control database is new and has no rows: the copies say that there was a key."""
    store = platform.tenant("key-platform", "rls")
    backup.create(store.slug)
    with transaction() as connection:
        kept = connection.execute("DELETE FROM backup_keys RETURNING tenant_id, sealed, recipient").fetchall()
    monkeypatch.setattr(aws, "find_secret", lambda name: None)
    try:
        with pytest.raises(WorkError, match="the copies of backup keys beside it need it"):
            keys.backup_identity()
    finally:
        with transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO backup_keys (tenant_id, sealed, recipient, copied_at)"
                " VALUES (%(tenant_id)s, %(sealed)s, %(recipient)s, now())",
                kept,
            )
