"""`aws.s3.BucketObjectv2`."""

import base64
import binascii
import re
from typing import ClassVar
from urllib.parse import urlencode

from local.plugins.aws.client import Client
from local.plugins.aws.tags import listed, mapped
from local.plugins.framework import Asset, Context, Field, Props, ProviderError, ResourceType

GONE = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
BODIES = ("source", "content", "contentBase64")
# Pulumi's name and S3's, for what is put with the content and read from the head.
HEADERS = {
    "bucketKeyEnabled": "BucketKeyEnabled",
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "kmsKeyId": "SSEKMSKeyId",
    "metadata": "Metadata",
    "serverSideEncryption": "ServerSideEncryption",
    "storageClass": "StorageClass",
    "websiteRedirect": "WebsiteRedirectLocation",
}
CHECKSUMS = {f"checksum{name.title()}": f"Checksum{name}" for name in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")}


class BucketObject(ResourceType):
    """An object; its id is `bucket/key`."""

    token = "aws:s3/bucketObjectv2:BucketObjectv2"  # noqa: S105
    fields: ClassVar = {
        "bucket": Field(required=True, replaces=True),
        "key": Field(autoname=True, replaces=True),
        "source": Field(Asset),
        "content": Field(),
        "contentBase64": Field(),
        "sourceHash": Field(),
        "etag": Field(computed=True),
        "acl": Field(computed=True),
        "forceDestroy": Field(bool, default=False),
        "checksumAlgorithm": Field(),
        "tags": Field(dict),
        "region": Field(computed=True, replaces=True),
        **{name: Field(computed=True) for name in ("contentType", "kmsKeyId", "serverSideEncryption", "storageClass")},
        "bucketKeyEnabled": Field(bool, computed=True),
        "metadata": Field(dict),
        **{name: Field() for name in ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "websiteRedirect")},
        **{name: Field(output=True) for name in ("arn", "versionId", *CHECKSUMS)},
        "tagsAll": Field(dict, output=True),
    }

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        given = [name for name in BODIES if inputs.get(name) is not None]
        wrong = [(name, f'"{name}": conflicts with {", ".join(given[:1])}') for name in given[1:]]
        upper = [key for key in inputs.get("metadata") or () if isinstance(key, str) and key != key.lower()]
        return wrong + [("metadata", f"Metadata must be lowercase only. Offending key: {key!r}") for key in upper]

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        return f"{new['bucket']}/{new['key']}", self._upload(client, new, new)

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        bucket, separator, key = id.removeprefix("s3://").partition("/")
        if not separator:
            raise ProviderError(f"{id!r} is no import id of an S3 object.", "Give '<bucket>/<key>'.")
        region, place = state.get("region") or client.region, {"Bucket": bucket, "Key": _clean(key)}
        head = client.find("s3", "head_object", _named(id), GONE, region, **place)
        if head is None:
            return None
        tags = client.call("s3", "get_object_tagging", _named(id), region, **place)["TagSet"]
        found = {name: head.get(api) for name, api in HEADERS.items()}
        return {
            **found,
            "id": f"{bucket}/{key}",
            "bucket": bucket,
            "key": key,
            "region": region,
            "storageClass": head.get("StorageClass") or "STANDARD",
            **_versioned(head),
            **mapped(tags, client.default_tags),
            **_arn(bucket, key),
        }

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        content = [*BODIES, *HEADERS, "etag", "sourceHash", "checksumAlgorithm"]
        place = {"Bucket": new["bucket"], "Key": _clean(new["key"])}
        if any(not self.same(name, old.get(name), new.get(name)) for name in content):
            # A computed value belongs to the content it came with.
            fresh = {name: value for name, value in new.items() if name != "etag"}
            return self._upload(client, fresh, old)
        if not self.same("tags", old.get("tags"), new.get("tags")) or old.get("tagsAll") != client.tags(new):
            tagging = {"TagSet": listed(client.tags(new))}
            client.call("s3", "put_object_tagging", _named(id), new.get("region"), **place, Tagging=tagging)
        if new.get("acl") and old.get("acl") != new["acl"]:
            client.call("s3", "put_object_acl", _named(id), new.get("region"), **place, ACL=new["acl"])
        return {"tagsAll": client.tags(new)}

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        place, region = {"Bucket": state["bucket"], "Key": _clean(state["key"])}, state.get("region")
        if not state.get("versionId"):
            client.find("s3", "delete_object", _named(id), GONE, region, **place)
            return
        # A version that stayed would keep the bucket from being removed; the official provider removes them all too.
        while versions := _versions(client, place, region):
            for version in versions:
                client.find("s3", "delete_object", _named(id), GONE, region, **place, VersionId=version)

    def _upload(self, client: Client, new: Props, old: Props) -> Props:
        region, tags = new.get("region") or client.region, client.tags(new)
        what, place = _named(f"{new['bucket']}/{new['key']}"), {"Bucket": new["bucket"], "Key": _clean(new["key"])}
        sent = {api: new[name] for name, api in HEADERS.items() if new.get(name) not in (None, "", False)}
        if new.get("kmsKeyId"):
            sent["ServerSideEncryption"] = "aws:kms"
        for name, api in (("acl", "ACL"), ("checksumAlgorithm", "ChecksumAlgorithm")):
            if new.get(name):
                sent[api] = new[name]
        if tags:
            sent["Tagging"] = urlencode(tags)
        answer = client.call("s3", "put_object", what, region, **place, Body=_body(new, what), **sent)
        computed = {
            "contentType": new.get("contentType") or "binary/octet-stream",
            "serverSideEncryption": answer.get("ServerSideEncryption"),
            "bucketKeyEnabled": bool(answer.get("BucketKeyEnabled")),
            "storageClass": new.get("storageClass") or "STANDARD",
        }
        return {**computed, **_versioned(answer), "region": region, "tagsAll": tags, **_arn(new["bucket"], new["key"])}


def _named(id: str) -> str:
    return f"S3 object {id}"


def _arn(bucket: str, key: str) -> Props:
    return {"arn": f"arn:aws:s3:::{bucket}/{_clean(key)}"}


def _clean(key: str) -> str:
    """The key as the official provider sends it: without leading and double slashes."""
    return re.sub("/+", "/", key.removeprefix("./").lstrip("/"))


def _versioned(answer: Props) -> Props:
    checksums = {name: answer.get(api) for name, api in CHECKSUMS.items()}
    return {**checksums, "etag": answer["ETag"].strip('"'), "versionId": answer.get("VersionId") or ""}


def _body(new: Props, what: str) -> bytes:
    if isinstance(source := new.get("source"), Asset):
        try:
            return source.read()
        except OSError as error:
            raise ProviderError(f"{what}: {source.path} cannot be read: {error.strerror}", "Check the asset's path.") from error
    if new.get("contentBase64"):
        try:
            return base64.b64decode(new["contentBase64"], validate=True)
        except binascii.Error as error:
            raise ProviderError(f"{what}: contentBase64 is not Base64: {error}") from error
    return str(new.get("content") or "").encode()


def _versions(client: Client, place: Props, region: str | None) -> list[str]:
    found = client.find("s3", "list_object_versions", _named(place["Key"]), GONE, region, Bucket=place["Bucket"], Prefix=place["Key"]) or {}
    entries = (*found.get("Versions", ()), *found.get("DeleteMarkers", ()))
    return [entry["VersionId"] for entry in entries if entry["Key"] == place["Key"]]
