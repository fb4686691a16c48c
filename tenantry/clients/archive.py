"""One part of a backup: bytes → zstd → age → S3, and back. Memory stays the same at any size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import pyrage
import zstandard

from tenantry.clients import objects
from tenantry.errors import InputError, TenantryError

CHUNK: Final = 1 << 20
WINDOW: Final = 8 << 20
"""Bytes that a part may make the decompressor remember (RFC 8878 asks for as much); ours ask for 2 MB at most."""
LEVEL: Final = 1
"""zstd's fastest named level: on dumps 3 is twice to three times as slow and seldom a tenth smaller (docs/adr/0011)."""

Read = Callable[[int], bytes]
"""Up to so many bytes; none at the end."""
Sink = Callable[[Any], object]
"""Takes the next bytes-like object."""


class Damaged(InputError):
    """A backup that is not what was stored: changed, cut short, another tenant's, or under another key. Nothing was touched."""


def store(read: Read, bucket: str, key: str, recipient: str) -> tuple[int, str, int]:
    """Makes the object ``key`` of all that ``read`` gives: its size and SHA-256 as stored, and the size before compression."""
    source = _Source(read, hashed=False)
    upload = objects.Upload(bucket, key)
    try:
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        compressed = compressor.stream_reader(source, read_size=CHUNK)  # type: ignore[arg-type]  # it wants `read` only, not all of IO
        try:
            pyrage.encrypt_io(compressed, upload, [pyrage.x25519.Recipient.from_str(recipient)])
        except Exception:
            if source.failure:  # pyrage loses the type of what its reader raises
                raise source.failure from None
            raise
        upload.close()
    except BaseException:
        upload.abort()
        raise
    return upload.bytes, upload.sha256, source.bytes


def version(bucket: str, key: str, size: int, sha256: str) -> str | None:
    """The object's version that has these bytes, all of them read; None in a bucket without versions. ``Damaged`` when it has others.

    For a sink that cannot forget what it was given: to ``load`` that version is to load the bytes that were checked.
    """
    answer = objects.opened(bucket, key)
    source = _Source(answer["Body"].read, hashed=True, at_most=size, name=key)
    with answer["Body"]:
        while source.read(CHUNK):
            pass
    if source.sha256 != sha256:
        raise Damaged(f"{key} is not what was stored: its checksum differs", _HINT)
    found: str | None = answer.get("VersionId")
    return found


def load(bucket: str, key: str, identity: str, sink: Sink, expected: tuple[int, str, int], version_id: str | None = None) -> None:
    """Gives the part's plain bytes to ``sink``. ``Damaged`` when they are not the ``expected`` ones: then the sink must forget them.

    Whoever can write to the bucket can encrypt to the tenant: neither more is fetched nor more unpacked than the manifest says.
    """
    body = objects.opened(bucket, key, version_id)["Body"]
    source = _Source(body.read, hashed=True, at_most=expected[0], name=key)
    target = _Target(sink, at_most=expected[2], name=key)
    try:
        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW)
        plain = decompressor.stream_writer(target, write_size=CHUNK)  # type: ignore[arg-type]  # it wants `write` only, not all of IO
        pyrage.decrypt_io(source, plain, [pyrage.x25519.Identity.from_str(identity)])
    except Exception as error:
        for failure in (source.failure, target.failure):
            if failure:
                raise failure from None
        raise Damaged(f"{key} cannot be decrypted and unpacked: {error}", _HINT) from None
    finally:
        body.close()
    if (source.bytes, source.sha256, target.bytes) != expected:
        raise Damaged(f"{key} is not what was stored: its size or checksum differs", _HINT)


_HINT: Final = "take another backup of the tenant: tenantry backup list SLUG"


def reader(chunks: Iterator[bytes]) -> Read:
    """An iterator's bytes by ``read``."""
    rest = b""

    def read(size: int) -> bytes:
        nonlocal rest
        while not rest:
            try:
                rest = next(chunks)
            except StopIteration:
                return b""
        taken, rest = rest[:size], rest[size:]
        return taken

    return read


class _Source:
    """A reader that counts and (where asked) hashes, reads far ahead of small requests, and keeps what it raised."""

    def __init__(self, read: Read, *, hashed: bool, at_most: int | None = None, name: str = "") -> None:
        self._read, self._hashed, self._digest, self._at_most, self._name = read, hashed, hashlib.sha256(), at_most, name
        self._chunk = memoryview(b"")
        self.bytes = 0
        self.failure: BaseException | None = None

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        if not self._chunk:
            try:
                data = self._read(CHUNK)
            except (TenantryError, OSError) as error:
                self.failure = error
                raise
            except Exception as error:
                self.failure = objects.failed(error)
                raise self.failure from error
            self.bytes += len(data)
            if self._at_most is not None and self.bytes > self._at_most:
                self.failure = Damaged(f"{self._name} is not what was stored: it has more than {self._at_most} bytes", _HINT)
                raise self.failure
            if self._hashed:
                self._digest.update(data)
            self._chunk = memoryview(data)
        taken, self._chunk = self._chunk[:size], self._chunk[size:]
        return bytes(taken)


class _Target:
    """A writer that counts, takes no more than it should, and keeps what it raised."""

    def __init__(self, sink: Sink, *, at_most: int, name: str) -> None:
        self._sink, self._at_most, self._name = sink, at_most, name
        self.bytes = 0
        self.failure: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            if self.bytes + len(data) > self._at_most:
                raise Damaged(f"{self._name} is not what was stored: it unpacks to more than {self._at_most} bytes", _HINT)
            self._sink(data)
        except Exception as error:
            self.failure = error
            raise
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""
