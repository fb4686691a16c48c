"""What the state backend keeps besides a stack's state: the checkpoints of earlier runs, backups, the file before the last one.

The engine removes a tenant from the state and leaves it in all of these. A file backend and S3 keep them as files of one layout
(https://www.pulumi.com/docs/iac/concepts/state-and-backends/#logging-into-a-self-managed-backend); Pulumi Cloud keeps its history itself.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tenantry.clients.aws import client, explained
from tenantry.errors import WorkError

PROJECT: Final = "tenantry"
ROOT: Final = ".pulumi"
LARGEST: Final = 1 << 30
"""Bytes of a state, unpacked. Pulumi's own limit for its messages is 400 MB."""


class StateFiles(ABC):
    """The files of a backend, by path below its root; S3's are one per version of an object."""

    @abstractmethod
    def below(self, prefix: str) -> Iterator[str]:
        """Every file whose path begins with ``prefix``."""

    @abstractmethod
    def states(self) -> Iterator[tuple[str, str, bytes]]:
        """The present state of each stack: its name, where it is in words that other tools take, and its bytes."""

    @abstractmethod
    def present(self, prefix: str) -> list[str]:
        """The files below ``prefix`` that are there now; of those of S3 no earlier versions, and no version in the path."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Its bytes; empty when it is gone by now."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Removes it; one that is gone is all right."""

    @abstractmethod
    def tidy(self, stack: str) -> None:
        """Removes what a stack that is no more has left besides files."""


class Folder(StateFiles):
    """`file://…`"""

    def __init__(self, root: Path) -> None:
        self._root = root

    def below(self, prefix: str) -> Iterator[str]:
        directory = (self._root / prefix).parent if not prefix.endswith("/") else self._root / prefix
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(self._root).as_posix()
            if path.is_file() and name.startswith(prefix):
                yield name

    def states(self) -> Iterator[tuple[str, str, bytes]]:
        for path in sorted((self._root / ROOT / "stacks" / PROJECT).glob("*.json*")):
            if path.name.endswith((".json", ".json.gz")):
                yield path.name.partition(".json")[0], str(path), self.read(path.relative_to(self._root).as_posix())

    def present(self, prefix: str) -> list[str]:
        return list(self.below(prefix))

    def read(self, path: str) -> bytes:
        with suppress(FileNotFoundError):
            return (self._root / path).read_bytes()
        return b""

    def remove(self, path: str) -> None:
        (self._root / path).unlink(missing_ok=True)

    def tidy(self, stack: str) -> None:
        for folder in (f"history/{PROJECT}", f"backups/{PROJECT}", f"locks/organization/{PROJECT}"):
            with suppress(OSError):  # there is none, or it is not empty
                (self._root / ROOT / folder / stack).rmdir()


class Bucket(StateFiles):
    """`s3://bucket/prefix`; a version's path is ``key?version``."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def below(self, prefix: str) -> Iterator[str]:
        pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
        for page in pages:
            for entry in page.get("Versions", ()):
                # The newest version of a stack's own state is the state.
                if (
                    entry["IsLatest"]
                    and entry["Key"].startswith(f"{self._prefix}{ROOT}/stacks/")
                    and entry["Key"].endswith((".json", ".gz"))
                ):
                    continue
                yield f"{entry['Key']}?{entry['VersionId']}"

    def states(self) -> Iterator[tuple[str, str, bytes]]:
        with explained(f"bucket {self._bucket}"):
            s3, folder = client("s3"), f"{self._prefix}{ROOT}/stacks/{PROJECT}/"
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder):
                for entry in page.get("Contents", ()):
                    if entry["Key"].endswith((".json", ".json.gz")):
                        name = entry["Key"].removeprefix(folder).partition(".json")[0]
                        yield (
                            name,
                            f"s3://{self._bucket}/{entry['Key']}",
                            s3.get_object(Bucket=self._bucket, Key=entry["Key"])["Body"].read(),
                        )

    def present(self, prefix: str) -> list[str]:
        with explained(f"bucket {self._bucket}"):
            pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
            return [str(entry["Key"]) for page in pages for entry in page.get("Contents", ())]

    def read(self, path: str) -> bytes:
        key, _, version = path.rpartition("?")
        return bytes(client("s3").get_object(Bucket=self._bucket, Key=key, **self._version(version))["Body"].read())

    def remove(self, path: str) -> None:
        key, _, version = path.rpartition("?")
        client("s3").delete_object(Bucket=self._bucket, Key=key, **self._version(version))

    def tidy(self, stack: str) -> None:
        """Nothing: S3 has no folders."""

    @staticmethod
    def _version(version: str) -> dict[str, str]:
        return {} if version == "null" else {"VersionId": version}


def backend() -> StateFiles | None:
    """The backend's files; None where they are not ours to reach (Pulumi Cloud)."""
    url = urlsplit(location())
    if url.scheme == "file":
        return Folder(Path(unquote(url.netloc + url.path)).expanduser())
    if url.scheme == "s3":
        return Bucket(url.netloc, url.path)
    return None


def location() -> str:
    """The URL of the backend: from the environment, or that which `pulumi login` chose; empty where neither says one."""
    return os.environ.get("PULUMI_BACKEND_URL") or _logged_in()


def _logged_in() -> str:
    home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    try:
        return str(json.loads((home / "credentials.json").read_text(encoding="utf-8")).get("current") or "")
    except (OSError, ValueError):
        return ""


def forget(stack: str, needles: Collection[str]) -> int | None:
    """Removes every file of the stack, other than its present state, in which one of ``needles`` stands; how many.

    None where the backend keeps its history itself. ``WorkError`` when the present state still has one of them.
    """
    files = backend()
    if files is None:
        return None
    wanted = [needle.encode() for needle in needles]
    count = 0
    present = {f"{ROOT}/stacks/{PROJECT}/{stack}.json", f"{ROOT}/stacks/{PROJECT}/{stack}.json.gz"}
    for prefix in (
        f"{ROOT}/stacks/{PROJECT}/{stack}.",
        f"{ROOT}/history/{PROJECT}/{stack}/",
        f"{ROOT}/backups/{PROJECT}/{stack}/",
    ):
        for path in list(files.below(prefix)):
            content = plain(files.read(path))
            if not any(needle in content for needle in wanted):
                continue
            if path in present:
                raise WorkError(
                    f"the state of the stack {stack} still holds the tenant", f"tenantry up --stack {stack}, then run this again"
                )
            files.remove(path)
            count += 1
    files.tidy(stack)
    return count


def plain(content: bytes) -> bytes:
    """The text of a state file, also of a compressed one. ``WorkError`` for one that unpacks to more than any state has."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        text = packed.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise WorkError(f"a state file unpacks to more than {LARGEST >> 20} MB", "look at who can write to the state backend")
    return text


def unreadable() -> list[tuple[str, str, str]]:
    """The stacks whose present state is empty, cut or no state at all: name, where it is, what is wrong. Not of Pulumi Cloud."""
    files = backend()
    found = []
    for stack, where, content in files.states() if files else ():
        cause = _wrong(content)
        if cause:
            found.append((stack, where, cause))
    return found


def way_back(stack: str, where: str) -> str:
    """What to do about a state that cannot be read: the newest whole one that the backend has, or to do without."""
    again = f"then tenantry up --stack {stack} --refresh"
    if where.startswith("s3://"):
        return f"bring back an older version of that object (aws s3api list-object-versions), {again}"
    path = Path(where)
    history = path.parents[2] / "history" / PROJECT / stack
    earlier = [*path.parent.glob(f"{path.name}.bak"), *history.glob(f"{stack}-*.checkpoint.json*")]
    for candidate in sorted(earlier, key=lambda file: file.stat().st_mtime, reverse=True):
        if not _wrong(candidate.read_bytes()):
            return f"cp {candidate} {path}, {again}"
    return f"there is no earlier state: move the file away, then tenantry state adopt {stack}"


def _wrong(content: bytes) -> str:
    if not content:
        return "it is empty"
    try:
        found = json.loads(plain(content))
    except (ValueError, OSError, EOFError, zlib.error, WorkError) as error:
        return str(error) or type(error).__name__
    return "" if isinstance(found, dict) and "checkpoint" in found else "it holds no checkpoint"
