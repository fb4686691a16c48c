"""What the local AWS keeps over a restart: one pickle of moto's state, replaced as a whole, and the larger objects' bytes beside it."""

import io
import pickle
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import moto
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.backends import get_backend
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore
from moto.ssm.models import SimpleSystemManagerBackend

from local import private

SERVICES = ("s3", "iam", "sts", "secretsmanager", "acm", "kms", "rds", "ssm")
LARGE = 1 << 16
"""Bytes from which an object's content is a file of its own: written once, not again with every change of anything."""
QUIET_SECONDS = 0.1
LONGEST_SECONDS = 1.0


def _load_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


def _reduce_key(key: Any) -> Any:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return _load_key, (pem,)


def _load_certificate(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def _reduce_certificate(certificate: x509.Certificate) -> Any:
    return _load_certificate, (certificate.public_bytes(serialization.Encoding.PEM),)


def _load_versions(versions: list[tuple[str, list[Any]]]) -> _VersionedKeyStore:
    store = _VersionedKeyStore()
    for key, found in versions:
        store.setlist(key, found)
    return store


def _load_parameters(region: str, account: str, parameters: dict[str, list[Any]], tags: dict[str, dict[str, Any]]) -> Any:
    backend = SimpleSystemManagerBackend(region, account)
    for name, versions in parameters.items():
        backend._parameters[name] = versions
    for kind, by_name in tags.items():
        backend._resource_tags[kind].update(by_name)
    return backend


class _Content:
    """An object's bytes, which are in the file of that name."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Contents:
    """A folder with a file for the bytes of each large object."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        private.folder(folder)

    def keep(self, key: FakeKey) -> _Content:
        """The object's content, which is in its file from now on. Names are by content: copies share one."""
        name = f"{key.etag.strip(chr(34))}-{key.contentsize}"
        file = self.folder / name
        if not file.exists():
            private.write(file, key.value)
        return _Content(name)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def set_aside(self, mark: str) -> None:
        """Keeps what is there beside, for a pickle that was kept beside too."""
        if any(self.folder.iterdir()):
            self.folder.rename(self.folder.with_suffix(f"{mark}.bad"))
            self.folder.mkdir(mode=0o700)

    def remove_others(self, names: set[str]) -> None:
        """Removes every file but those."""
        for file in self.folder.iterdir():
            if file.name not in names:
                file.unlink()


def _read_content(name: str) -> bytes:
    raise NotImplementedError("stands in the pickle for the reading of a content")


class _Unpickler(pickle.Unpickler):
    """Puts objects' contents back."""

    def __init__(self, pickled: bytes, contents: _Contents) -> None:
        super().__init__(io.BytesIO(pickled))
        self._contents = contents

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (__name__, _read_content.__name__):
            return self._contents.read
        return super().find_class(module, name)


class _Pickler(pickle.Pickler):
    """Also takes certificates and private keys, which the cryptography library leaves out, and all versions of an object.

    ``names`` are the contents that are not in the pickle.
    """

    def __init__(self, buffer: io.BytesIO, contents: _Contents) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self._contents, self.names = contents, set[str]()

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, FakeKey) and value.contentsize >= LARGE and not value.disposed:
            state = {name: part for name, part in vars(value).items() if name not in ("_value_buffer", "lock")}
            return FakeKey.__new__, (FakeKey,), state | {"value": self._contents.keep(value)}
        if isinstance(value, _Content):
            self.names.add(value.name)
            return _read_content, (value.name,)
        if isinstance(value, _VersionedKeyStore):
            # As a plain dictionary, which it is a kind of, it would show only the last version of each object.
            return _load_versions, (list(value.lists()),)
        if isinstance(value, SimpleSystemManagerBackend):
            # Of Systems Manager the parameters alone: the rest is nobody's, and has functions in it that no pickle takes.
            tags = {kind: {name: dict(each) for name, each in by_name.items()} for kind, by_name in value._resource_tags.items()}
            return _load_parameters, (value.region_name, value.account_id, {n: list(v) for n, v in value._parameters.items()}, tags)
        if isinstance(value, x509.Certificate):
            return _reduce_certificate(value)
        if isinstance(value, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            return _reduce_key(value)
        return NotImplemented


class Snapshot:
    """The file with moto's state. `lock` is held around every request, so that a snapshot is of one moment."""

    def __init__(self, directory: Path) -> None:
        private.folder(directory)
        self.path = directory / "moto.pickle"
        self._contents = _Contents(directory / "objects")
        self.lock = threading.RLock()
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._writer = threading.Thread(target=self._write_changes, daemon=True)

    def load(self) -> None:
        """Put the kept state into moto. A file that another version of moto wrote, or a damaged one, is set aside with a warning."""
        if not self.path.exists():
            return
        try:
            # Written by this class into a folder of this user's; no other source is ever read.
            kept = _Unpickler(self.path.read_bytes(), self._contents).load()
            if kept["version"] != moto.__version__:
                raise ValueError(f"written by moto {kept['version']}, this is {moto.__version__}")
        except Exception as problem:
            aside = self.path.with_suffix(f".{int(time.time())}.bad")
            self.path.rename(aside)
            self._contents.set_aside(aside.suffixes[-2])
            print(f"the kept AWS state could not be read and was moved to {aside}: {problem}", file=sys.stderr)
            return
        for service, accounts in kept["services"].items():
            backends = get_backend(service)
            for account, regions in accounts.items():
                for region, backend in regions.items():
                    backends[account][region] = backend

    def start(self) -> None:
        self._writer.start()

    def changed(self) -> None:
        self._changed.set()

    def stop(self) -> None:
        """Write what is not yet written and end."""
        self._ended.set()
        self._changed.set()
        self._writer.join()

    def save(self) -> None:
        """Write the state to a new file and put that in the old one's place."""
        with self.lock:
            services = {name: {account: dict(regions) for account, regions in get_backend(name).items()} for name in SERVICES}
            buffer = io.BytesIO()
            pickler = _Pickler(buffer, self._contents)
            pickler.dump({"version": moto.__version__, "services": services})
        private.write(self.path, buffer.getvalue())  # object bytes and secrets are in it
        self._contents.remove_others(pickler.names)

    def _write_changes(self) -> None:
        pause = QUIET_SECONDS
        while not self._ended.is_set():
            self._changed.wait()
            self._ended.wait(pause)
            self._changed.clear()
            began = time.monotonic()
            self._try_to_save()
            # At most a fifth of the time goes into writing, but a change never waits longer than LONGEST_SECONDS.
            pause = min(max(QUIET_SECONDS, 4 * (time.monotonic() - began)), LONGEST_SECONDS)
        if self._changed.is_set():
            self._try_to_save()

    def _try_to_save(self) -> None:
        try:
            self.save()
        except Exception:  # shown, not raised: the thread must live
            # The server goes on serving; the next change tries again.
            traceback.print_exc()
