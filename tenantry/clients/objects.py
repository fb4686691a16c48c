"""Objects in S3: streamed both ways in flat memory, listed and taken by version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from tenantry.clients.aws import client, explained
from tenantry.errors import WorkError

PART: Final = 8 << 20
"""Bytes of an upload's first parts. S3 takes 10,000 of them, so they double every 1,000: an object of 5 TB still fits."""


@dataclass(frozen=True)
class Version:
    """One version of an object. ``key`` is the whole key; ``version_id`` is None in a bucket without versions."""

    key: str
    version_id: str | None
    size: int
    etag: str


class Upload:
    """A writer whose bytes become one object when it is closed, and nothing when it is aborted.

    At most three parts are in memory: one that fills and two on their way.
    """

    def __init__(self, bucket: str, key: str, **settings: Any) -> None:
        self.bucket, self.key = bucket, key
        self.bytes = 0
        self._digest = hashlib.sha256()
        self._settings = settings
        self._buffer = bytearray()
        self._id: str | None = None
        self._parts: list[Future[dict[str, Any]]] = []
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="upload")

    @property
    def sha256(self) -> str:
        """Of all that was written, as hex digits."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Takes the next bytes."""
        self._buffer += data
        self._digest.update(data)
        self.bytes += len(data)
        if len(self._buffer) >= PART << (len(self._parts) // 1000):
            self._send()
        return len(data)

    def flush(self) -> None:
        """Nothing: a part is sent when it is full."""

    def close(self) -> None:
        """Makes the object. ``WorkError`` when S3 refuses."""
        with explained(f"object {self.key}"), self._pool:
            if self._id is None:
                client("s3").put_object(Bucket=self.bucket, Key=self.key, Body=bytes(self._buffer), **self._settings)
                return
            if self._buffer:
                self._send()
            parts = [part.result() for part in self._parts]
            client("s3").complete_multipart_upload(Bucket=self.bucket, Key=self.key, UploadId=self._id, MultipartUpload={"Parts": parts})

    def abort(self) -> None:
        """Leaves nothing in the bucket; safe to call at any time before ``close`` has returned."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._id is not None:
            with explained(f"object {self.key}"):
                client("s3").abort_multipart_upload(Bucket=self.bucket, Key=self.key, UploadId=self._id)

    def _send(self) -> None:
        s3 = client("s3")
        if self._id is None:
            with explained(f"object {self.key}"):
                self._id = str(s3.create_multipart_upload(Bucket=self.bucket, Key=self.key, **self._settings)["UploadId"])
        if len(self._parts) >= 2:  # not faster than S3 takes them
            with explained(f"object {self.key}"):
                self._parts[-2].result()
        body, self._buffer, number = self._buffer, bytearray(), len(self._parts) + 1
        self._parts.append(self._pool.submit(self._put, self._id, number, body))

    def _put(self, upload: str, number: int, body: bytearray) -> dict[str, Any]:
        answer = client("s3").upload_part(Bucket=self.bucket, Key=self.key, UploadId=upload, PartNumber=number, Body=bytes(body))
        return {"PartNumber": number, "ETag": answer["ETag"]}


def put(bucket: str, key: str, body: bytes, **settings: Any) -> str | None:
    """Writes a small object; its version id."""
    with explained(f"object {key}"):
        answer = client("s3").put_object(Bucket=bucket, Key=key, Body=body, **settings)
    version: str | None = answer.get("VersionId")
    return version


def opened(bucket: str, key: str, version_id: str | None = None) -> dict[str, Any]:
    """S3's answer to a get: ``Body`` is a stream. ``WorkError`` when the object is not there."""
    with explained(f"object {key}"):
        answer: dict[str, Any] = client("s3").get_object(Bucket=bucket, Key=key, **({"VersionId": version_id} if version_id else {}))
    return answer


def read(bucket: str, key: str) -> bytes | None:
    """A small object's bytes; None: there is no such object."""
    s3 = client("s3")
    with explained(f"object {key}"):
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
    return body


def newest(bucket: str, prefix: str) -> list[str]:
    """The keys of the objects under ``prefix``, the newest first."""
    with explained(f"bucket {bucket}"):
        pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [(entry["LastModified"], entry["Key"]) for page in pages for entry in page.get("Contents", ())]
    return [key for _, key in sorted(found, reverse=True)]


def current(bucket: str, prefix: str) -> Iterator[Version]:
    """The current version of each object under ``prefix``, by key."""
    with explained(f"bucket {bucket}"):
        for page in client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Versions", ()):
                if entry["IsLatest"]:
                    version = entry["VersionId"]
                    yield Version(entry["Key"], None if version == "null" else version, int(entry["Size"]), entry["ETag"].strip('"'))


def versions(bucket: str, prefix: str) -> Iterator[Version]:
    """Every version of every object under ``prefix``, delete markers too (they have no size and no etag)."""
    with explained(f"bucket {bucket}"):
        for page in client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                yield Version(entry["Key"], entry["VersionId"], int(entry.get("Size", 0)), str(entry.get("ETag", "")).strip('"'))


def failed(error: Exception) -> WorkError:
    """What to raise for an error that came while an object's body was read."""
    return WorkError(f"S3: {error}", "check the connection to S3, then run the same command again")


def require_bucket(name: str) -> None:
    """``WorkError`` when the bucket is not there or not ours to read."""
    from botocore.exceptions import ClientError

    with explained(f"bucket {name}"):
        try:
            client("s3").head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:  # a HEAD has no body, and so no code
                raise
            raise WorkError(f"there is no bucket {name} for backups", "tenantry up --stack shared --refresh makes it") from error


def erase(bucket: str, prefix: str) -> int:
    """Deletes every version of every object under ``prefix``, and what was uploaded of others; how many versions.

    ``WorkError`` names what an object lock still holds.
    """
    abort_uploads(bucket, prefix)
    s3, count = client("s3"), 0
    with explained(f"bucket {bucket}"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            doomed = [{"Key": e["Key"], "VersionId": e["VersionId"]} for kind in ("Versions", "DeleteMarkers") for e in page.get(kind, ())]
            if not doomed:
                continue
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
            if errors := answer.get("Errors"):
                raise WorkError(f"object {errors[0]['Key']} cannot be deleted: {errors[0].get('Message', errors[0]['Code'])}")
            count += len(doomed)
    return count


def abort_uploads(bucket: str, prefix: str) -> None:
    """Drops the parts of uploads under ``prefix`` that whoever began them never ended: no listing of objects shows them, and they cost."""
    s3 = client("s3")
    with explained(f"bucket {bucket}"):
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Uploads", ()):
                s3.abort_multipart_upload(Bucket=bucket, Key=entry["Key"], UploadId=entry["UploadId"])


def hide(bucket: str, key: str) -> None:
    """Deletes an object; where the bucket keeps versions they stay."""
    with explained(f"object {key}"):
        client("s3").delete_object(Bucket=bucket, Key=key)


def bring_back(bucket: str, key: str, version_id: str) -> None:
    """Makes an older version the current one again: a copy within S3, also above the 5 GB that one request copies."""
    with explained(f"object {key}"):
        client("s3").copy({"Bucket": bucket, "Key": key, "VersionId": version_id}, bucket, key)
