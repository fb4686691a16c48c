"""What the local AWS keeps over a restart: one pickle of moto's state, replaced as a whole."""

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
from moto.s3.utils import _VersionedKeyStore

SERVICES = ("s3", "iam", "sts", "secretsmanager", "acm", "kms", "rds")
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


class _Pickler(pickle.Pickler):
    """Also takes certificates and private keys, which the cryptography library leaves out, and all versions of an object."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, _VersionedKeyStore):
            # As a plain dictionary, which it is a kind of, it would show only the last version of each object.
            return _load_versions, (list(value.lists()),)
        if isinstance(value, x509.Certificate):
            return _reduce_certificate(value)
        if isinstance(value, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            return _reduce_key(value)
        return NotImplemented


class Snapshot:
    """The file with moto's state. `lock` is held around every request, so that a snapshot is of one moment."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "moto.pickle"
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
            kept = pickle.loads(self.path.read_bytes())  # noqa: S301
            if kept["version"] != moto.__version__:
                raise ValueError(f"written by moto {kept['version']}, this is {moto.__version__}")
        except Exception as problem:
            aside = self.path.with_suffix(f".{int(time.time())}.bad")
            self.path.rename(aside)
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
            _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump({"version": moto.__version__, "services": services})
        fresh = self.path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(buffer.getbuffer())
        # Object bytes and secrets are in it.
        fresh.chmod(0o600)
        fresh.replace(self.path)

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
        except Exception:
            # The server goes on serving; the next change tries again.
            traceback.print_exc()
