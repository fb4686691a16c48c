"""A part that unpacks to more than was saved is given up at once: whoever can write to the bucket knows the tenants' public keys."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile

import pyrage
import pytest
import zstandard

from local.home import CLONE
from tenantry.clients import archive, aws
from tenantry.clients.archive import Damaged
from tenantry.control import backup_keys, backups
from tenantry.operations import backup
from tenantry.operations.backup.reading import Stored

pytestmark = pytest.mark.service

SIZE = 2 << 30
MEMORY = 80 << 20


@pytest.fixture(scope="module")
def zeros():
    """2 GiB of nothing, as zstd packs it."""
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    chunk = bytes(1 << 24)
    return b"".join([*(compressor.compress(chunk) for _ in range(SIZE >> 24)), compressor.flush()])


def put(entry, name, packed, identity):
    """Puts it in a part's place, as somebody does who has the bucket and the tenant's public key, and nothing else."""
    body = bytes(pyrage.encrypt(packed, [pyrage.x25519.Identity.from_str(identity).to_public()]))
    aws.client("s3").put_object(Bucket=entry.bucket, Key=entry.key(name), Body=body)
    return body


READ = """
import json, resource, sys
from tenantry.errors import TenantryError
from tenantry.operations import backup
from tenantry.operations.backup.reading import Stored

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

stored = Stored.open(sys.argv[1])
for _ in stored.objects(): pass  # everything is imported
before = peak()
said = []
for work in (stored.registry, stored.check, lambda: backup.prove(sys.argv[1])):
    try:
        work()
        said.append("read")
    except TenantryError as error:
        said.append(type(error).__name__)
print(json.dumps([said, peak() - before]))
"""


@pytest.mark.parametrize("model", ["rls", "schema"])
@pytest.mark.parametrize("sized", ["as stored", "as large as the part"])
def test_a_bomb_ends_at_the_size_that_was_saved(platform, tenant, zeros, model, sized):
    """In the registry's, rows' and dump's place: refused as damaged by reading, verifying and proving, in the memory of a small part.

    The bomb is smaller than the part would be as stored, or padded to its very size, so that no size of an object gives it away.
    """
    store = tenant(f"bomb-{model}", model)
    taken = backup.create(store.slug)
    entry, stored = backups.find(taken.id), Stored.open(taken.id)
    for part in stored.manifest.parts:
        if part.kind != "objects":
            packed = zeros if sized == "as stored" else zeros[: max(part.bytes - 300, 64)]
            put(entry, part.name, packed, stored.identity)
    done = subprocess.run(
        [sys.executable, "-c", READ, taken.id], cwd=CLONE, env=platform.environment, capture_output=True, text=True, check=True, timeout=120
    )
    said, grown = json.loads(done.stdout)
    assert said == ["Damaged", "Damaged", "Damaged"]
    assert grown < MEMORY, f"{grown / 1e6:.0f} MB"


def test_nothing_beyond_the_saved_size_reaches_the_reader(platform, tenant, zeros):
    """Not a byte more than the manifest says, of a part whose stored size says nothing; and no decompressor that wants a large window."""
    store = tenant("bomb-rls", "rls")
    entry, identity = backups.find(backup.create(store.slug).id), backup_keys.identity(store.id)
    given = 0

    def sink(data):
        nonlocal given
        given += len(data)

    body = put(entry, "x", zeros, identity)
    expected = (len(body), hashlib.sha256(body).hexdigest(), 5_000_000)
    with pytest.raises(Damaged, match="unpacks to more than 5000000 bytes"):
        archive.load(entry.bucket, entry.key("x"), identity, sink, expected)
    assert given <= 5_000_000
    with pytest.raises(Damaged, match="has more than 1000 bytes"):
        archive.load(entry.bucket, entry.key("x"), identity, sink, (1000, *expected[1:]))
    with pytest.raises(Damaged, match="has more than 1000 bytes"):
        archive.version(entry.bucket, entry.key("x"), 1000, expected[1])
    wide = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27)).compressobj()
    body = put(entry, "x", wide.compress(bytes(5_000_000)) + wide.flush(), identity)
    with pytest.raises(Damaged, match="cannot be decrypted and unpacked"):
        archive.load(entry.bucket, entry.key("x"), identity, sink, (len(body), hashlib.sha256(body).hexdigest(), 5_000_000))


def header(kind, size, name="x", **pax):
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.pax_headers = kind, size, pax
    return entry.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)


TARS = {
    "a pax header of 1 GiB": lambda: header(tarfile.XHDTYPE, 1 << 30),
    "a global pax header of 1 GiB": lambda: header(tarfile.XGLTYPE, 1 << 30),
    "a long name of 1 GiB": lambda: header(tarfile.GNUTYPE_LONGNAME, 1 << 30),
    "a sparse file": lambda: header(tarfile.GNUTYPE_SPARSE, 1 << 30),
    "a sparse map of 100 million entries": lambda: (
        header(tarfile.REGTYPE, 1 << 30, **{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}) + b"100000000\n" + b"1\n1\n" * 200
    ),
    "headers in headers": lambda: (
        header(tarfile.GNUTYPE_LONGNAME, 1) + (b"a".ljust(512, b"\0") + header(tarfile.GNUTYPE_LONGNAME, 1)) * 3000
    ),
}


@pytest.mark.parametrize("shape", TARS)
def test_a_tar_that_would_fill_memory_is_refused(platform, tenant, shape, monkeypatch):
    """Headers and maps that a reader collects before the part's checksum is known; below the size of a tenant with gigabytes of objects."""
    store = tenant("bomb-rls", "rls")
    taken = backup.create(store.slug)
    stored = Stored.open(taken.id)
    pushed = io.BytesIO(TARS[shape]())

    def feed(_part, sink):
        while data := pushed.read(1 << 16):
            sink(data)
        for _ in range(64):
            sink(bytes(1 << 20))

    monkeypatch.setattr(Stored, "feed", lambda _self, part, sink: feed(part, sink))
    with pytest.raises(Damaged):
        list(stored.objects())
