"""A tenant's objects, from one cell's bucket to another's."""

from __future__ import annotations

from tenantry.clients import aws


def mirror(source: str, target: str, prefix: str) -> int:
    """Makes the newest versions under ``prefix`` in the bucket ``target`` those in ``source``, copied by S3 itself; how many it changed."""
    if source == target:
        return 0
    s3 = aws.client("s3")
    with aws.explained(f"objects under {prefix}"):
        wanted, there = _listed(source, prefix), _listed(target, prefix)
        for key in wanted:
            if there.get(key) != wanted[key]:
                s3.copy({"Bucket": source, "Key": key}, target, key)  # in parts where it is large
        gone = [key for key in there if key not in wanted]
        for key in gone:
            s3.delete_object(Bucket=target, Key=key)
        return sum(there.get(key) != tag for key, tag in wanted.items()) + len(gone)


def _listed(bucket: str, prefix: str) -> dict[str, tuple[str, int]]:
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    # An object that was uploaded in parts gets another tag when it is copied: then it is copied again, and that is all.
    return {entry["Key"]: (entry["ETag"], entry["Size"]) for page in pages for entry in page.get("Contents", ())}
