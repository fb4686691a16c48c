"""Which permissions an S3 request needs: its actions, resources and condition keys.

After the AWS service authorization reference, "Actions, resources, and condition keys for Amazon S3". A request that is not in these tables
needs a permission that no policy names, so only the administrator may make it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

UNKNOWN = "s3:UnknownRequest"

# Sub-resource of a bucket: actions for GET, PUT (or POST), DELETE.
BUCKET = {
    "accelerate": ("GetAccelerateConfiguration", "PutAccelerateConfiguration", None),
    "acl": ("GetBucketAcl", "PutBucketAcl", None),
    "cors": ("GetBucketCORS", "PutBucketCORS", "PutBucketCORS"),
    "delete": (None, "DeleteObject", None),
    "encryption": ("GetEncryptionConfiguration", "PutEncryptionConfiguration", "PutEncryptionConfiguration"),
    "lifecycle": ("GetLifecycleConfiguration", "PutLifecycleConfiguration", "PutLifecycleConfiguration"),
    "location": ("GetBucketLocation", None, None),
    "logging": ("GetBucketLogging", "PutBucketLogging", None),
    "notification": ("GetBucketNotification", "PutBucketNotification", None),
    "object-lock": ("GetBucketObjectLockConfiguration", "PutBucketObjectLockConfiguration", None),
    "ownershipControls": ("GetBucketOwnershipControls", "PutBucketOwnershipControls", "PutBucketOwnershipControls"),
    "policy": ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    "policyStatus": ("GetBucketPolicyStatus", None, None),
    "publicAccessBlock": ("GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutBucketPublicAccessBlock"),
    "replication": ("GetReplicationConfiguration", "PutReplicationConfiguration", "PutReplicationConfiguration"),
    "requestPayment": ("GetBucketRequestPayment", "PutBucketRequestPayment", None),
    "tagging": ("GetBucketTagging", "PutBucketTagging", "PutBucketTagging"),
    "uploads": ("ListBucketMultipartUploads", None, None),
    "versioning": ("GetBucketVersioning", "PutBucketVersioning", None),
    "versions": ("ListBucketVersions", None, None),
    "website": ("GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"),
}
OBJECT = {
    "acl": ("GetObjectAcl", "PutObjectAcl", None),
    "attributes": ("GetObjectAttributes", None, None),
    "legal-hold": ("GetObjectLegalHold", "PutObjectLegalHold", None),
    "restore": (None, "RestoreObject", None),
    "retention": ("GetObjectRetention", "PutObjectRetention", None),
    "select": (None, "GetObject", None),
    "tagging": ("GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"),
    "uploadId": ("ListMultipartUploadParts", "PutObject", "AbortMultipartUpload"),
    "uploads": (None, "PutObject", None),
}
# Actions that have a twin for one version of an object.
VERSIONED = {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "GetObjectAcl", "PutObjectAcl"}
VERSIONED |= {"GetObjectAttributes"}
DEFAULTS: dict[str, str | None] = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
COLUMN = {"GET": 0, "HEAD": 0, "PUT": 1, "POST": 1, "DELETE": 2}


@dataclass(frozen=True)
class Permission:
    action: str
    resource: str
    bucket: str | None = None


def permissions(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> list[Permission]:
    """Every permission the request needs; `path` is decoded, `headers` have lower-case names."""
    bucket, _, key = path.removeprefix("/").partition("/")
    if not bucket:
        return [Permission("s3:ListAllMyBuckets" if method == "GET" else UNKNOWN, "*")]
    if not key:
        return _of_bucket(method, bucket, query, body)
    return _of_object(method, bucket, key, query, headers)


def conditions(query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    """The condition keys of S3 that the request sets."""
    keys = {f"s3:{name.lower()}": query[name] for name in ("prefix", "delimiter", "max-keys", "versionId") if name in query}
    for name in ("x-amz-acl", "x-amz-server-side-encryption", "x-amz-copy-source", "x-amz-storage-class"):
        if name in headers:
            keys[f"s3:{name}"] = headers[name]
    return keys


def _of_bucket(method: str, bucket: str, query: Mapping[str, str], body: bytes) -> list[Permission]:
    arn = f"arn:aws:s3:::{bucket}"
    subresource = next((name for name in BUCKET if name in query), None)
    if subresource == "delete" and method == "POST":
        return [Permission(f"s3:{action}", f"{arn}/{key}", bucket) for action, key in _deletions(body)] or [
            Permission(UNKNOWN, arn, bucket)
        ]
    if subresource:
        action = BUCKET[subresource][COLUMN[method]] if method in COLUMN else None
    else:
        action = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(method)
    return [Permission(f"s3:{action}" if action else UNKNOWN, arn, bucket)]


def _deletions(body: bytes) -> list[tuple[str, str]]:
    """(action, key) of each object that a multi-object delete names."""
    try:
        document = fromstring(body)
    except ParseError:
        return []
    found = []
    for entry in document:
        if entry.tag.rpartition("}")[2] == "Object":
            parts = {part.tag.rpartition("}")[2]: part.text or "" for part in entry}
            found.append(("DeleteObjectVersion" if parts.get("VersionId") else "DeleteObject", parts.get("Key", "")))
    return found


def _of_object(method: str, bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]) -> list[Permission]:
    arn = f"arn:aws:s3:::{bucket}/{key}"
    subresource = next((name for name in OBJECT if name in query), None)
    known = dict(zip(("GET", "PUT", "DELETE"), OBJECT[subresource], strict=True)) if subresource else DEFAULTS
    action = known.get({"HEAD": "GET", "POST": "PUT"}.get(method, method) if subresource else method)
    if action is None:
        return [Permission(UNKNOWN, arn, bucket)]
    if "versionId" in query and action in VERSIONED:
        action = action.replace("Object", "ObjectVersion", 1)
    needed = [Permission(f"s3:{action}", arn, bucket)]
    if action == "PutObject":
        if "x-amz-tagging" in headers:
            needed.append(Permission("s3:PutObjectTagging", arn, bucket))
        if headers.get("x-amz-acl", "private") != "private" or any(name.startswith("x-amz-grant-") for name in headers):
            needed.append(Permission("s3:PutObjectAcl", arn, bucket))
        if source := headers.get("x-amz-copy-source"):
            needed.append(_copied(source))
    return needed


def _copied(source: str) -> Permission:
    path, _, version = source.partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    return Permission("s3:GetObjectVersion" if version else "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", bucket)
