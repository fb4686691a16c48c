"""What becomes of a thing of ours that is to be replaced, by its type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from tenantry.backend.stack_state import Remembered, State

Answer = Literal["refused", "again", "kept", "owned", "beside"]
"""``refused``: nobody replaces it; it holds data, or its name is taken for as long as it stands. ``again``: deleted and then made again
it is the same. ``kept``: its delete half leaves it, because it goes with what it belongs to. ``owned``: its delete half asks whether
someone has made it since. ``beside``: the old one and the new one can stand side by side."""

ANSWERS: Final[Mapping[str, Answer]] = {
    "aws:acm/certificate:Certificate": "beside",
    "aws:iam/role:Role": "refused",
    "aws:iam/rolePolicy:RolePolicy": "again",
    "aws:rds/instance:Instance": "refused",
    "aws:s3/bucket:Bucket": "refused",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "kept",
    "aws:s3/bucketObjectv2:BucketObjectv2": "again",
    # A setting takes it away, so it is not left behind.
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": "again",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "kept",
    "aws:s3/bucketPolicy:BucketPolicy": "kept",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "kept",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "kept",
    "aws:s3/bucketVersioning:BucketVersioning": "kept",
    "cloudflare:index/customHostname:CustomHostname": "refused",
    "cloudflare:index/customHostnameFallbackOrigin:CustomHostnameFallbackOrigin": "again",
    "cloudflare:index/dnsRecord:DnsRecord": "refused",
    "postgresql:index/database:Database": "refused",
    "postgresql:index/role:Role": "refused",
    # Its provider takes over a schema that is there, and then drops it with all that is in it.
    "postgresql:index/schema:Schema": "refused",
    "pulumi-python:dynamic/tenantry:ConfigurationRows": "owned",
    "pulumi-python:dynamic/tenantry:Login": "again",
    "pulumi-python:dynamic/tenantry:ServerRecord": "again",
    "pulumi-python:dynamic/tenantry:SignedTenant": "owned",
    "pulumi-python:dynamic/tenantry:Store": "again",
    "pulumi-python:dynamic/tenantry:Template": "again",
    "pulumi-python:dynamic/tenantry:TenantRecord": "owned",
    "pulumi:providers:postgresql": "beside",
}


def refused(state: State) -> list[Remembered]:
    """What is marked for replacement (`pulumi state taint`) and must not be replaced: the next run is refused for it."""
    marked = [each for each in state.resources if each.tainted and not each.leaving]
    return [each for each in marked if each.protected or ANSWERS.get(each.type, "refused") == "refused"]


def taking_back(stack: str, marked: Iterable[Remembered]) -> str:
    """The one command after which none of ``marked`` is to be replaced any more."""
    return " ".join([f"pulumi state untaint --stack {stack}", *(f"'{each.urn}'" for each in marked)])
