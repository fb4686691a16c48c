"""`aws.s3.Bucket`."""

from typing import ClassVar

from local.plugins.aws.client import Client
from local.plugins.aws.tags import listed, mapped
from local.plugins.framework import Context, Field, Props, ProviderError, ResourceType

GONE = ("NoSuchBucket", "404", "NotFound")
HOSTED_ZONES = {"eu-central-1": "Z21DNDUVLTQW6Q", "us-east-1": "Z3AQBSTGFYJSTF", "eu-west-1": "Z1BKCTXD74EZPE"}


class Bucket(ResourceType):
    """A bucket; its id is its name."""

    token = "aws:s3/bucket:Bucket"  # noqa: S105
    fields: ClassVar = {
        "bucket": Field(autoname=True, replaces=True),
        "bucketPrefix": Field(replaces=True),
        "forceDestroy": Field(bool, default=False),
        "objectLockEnabled": Field(bool, computed=True, replaces=True),
        "region": Field(computed=True, replaces=True),
        "tags": Field(dict),
        "tagsAll": Field(dict, output=True),
        **{name: Field(output=True) for name in ("arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId")},
    }

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        name, region = new["bucket"], new.get("region") or client.region
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        lock = {"ObjectLockEnabledForBucket": True} if new.get("objectLockEnabled") else {}
        try:
            client.call("s3", "create_bucket", _named(name), region, Bucket=name, **where, **lock)
        except ProviderError:
            # A run that was killed between the two calls leaves a bucket of ours without tags or content: nobody's yet.
            if not _half_made(client, name, region):
                raise
        try:
            self._tag(client, name, region, client.tags(new))
        except ProviderError:
            client.call("s3", "delete_bucket", _named(name), region, Bucket=name)
            raise
        return name, self.read(client, name, new, ctx) or {}

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        head = client.find("s3", "head_bucket", _named(id), GONE, state.get("region"), Bucket=id)
        if head is None:
            return None
        region = head.get("BucketRegion") or state.get("region") or client.region
        tags = client.find("s3", "get_bucket_tagging", _named(id), ("NoSuchTagSet",), region, Bucket=id) or {"TagSet": []}
        lock = client.find("s3", "get_object_lock_configuration", _named(id), ("ObjectLockConfigurationNotFoundError",), region, Bucket=id)
        return {
            "bucket": id,
            "region": region,
            "objectLockEnabled": lock is not None,
            "arn": f"arn:aws:s3:::{id}",
            "bucketDomainName": f"{id}.s3.amazonaws.com",
            "bucketRegion": region,
            "bucketRegionalDomainName": f"{id}.s3.{region}.amazonaws.com",
            "hostedZoneId": HOSTED_ZONES.get(region, ""),
            **mapped(tags["TagSet"], client.default_tags),
        }

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        self._tag(client, id, new["region"], client.tags(new))
        return {"tagsAll": client.tags(new)}

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        region = state.get("region")
        if state.get("forceDestroy"):
            _empty(client, id, region)
        if client.find("s3", "delete_bucket", _named(id), (*GONE, "BucketNotEmpty"), region, Bucket=id) is None and self.read(
            client, id, state, ctx
        ):
            raise ProviderError(f"{_named(id)} is not empty.", "Empty it, or set forceDestroy and run again.")

    def _tag(self, client: Client, name: str, region: str, tags: dict[str, str]) -> None:
        if tags:
            client.call("s3", "put_bucket_tagging", _named(name), region, Bucket=name, Tagging={"TagSet": listed(tags)})
        else:
            client.call("s3", "delete_bucket_tagging", _named(name), region, Bucket=name)


def _named(name: str) -> str:
    return f"S3 bucket {name}"


def _half_made(client: Client, name: str, region: str) -> bool:
    if client.find("s3", "head_bucket", _named(name), (*GONE, "403"), region, Bucket=name) is None:
        return False
    tagged = client.find("s3", "get_bucket_tagging", _named(name), ("NoSuchTagSet",), region, Bucket=name)
    return not tagged and not _versions(client, name, region)


def _versions(client: Client, name: str, region: str | None) -> list[Props]:
    """Up to 1,000 of the bucket's object versions and delete markers."""
    found = client.find("s3", "list_object_versions", _named(name), GONE, region, Bucket=name) or {}
    return [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in (*found.get("Versions", ()), *found.get("DeleteMarkers", ()))]


def _empty(client: Client, name: str, region: str | None) -> None:
    while versions := _versions(client, name, region):
        client.call("s3", "delete_objects", _named(name), region, Bucket=name, Delete={"Objects": versions[:1000], "Quiet": True})
