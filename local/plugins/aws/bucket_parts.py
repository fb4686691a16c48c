"""What belongs to a bucket and is a resource of its own in pulumi-aws 7: versioning, encryption, access block, ownership, policy.

Creating one sets it, whatever it was; the id of each is the bucket's name.
"""

from abc import abstractmethod
from typing import ClassVar

from local.plugins.aws import documents
from local.plugins.aws.bucket import GONE
from local.plugins.aws.client import Client
from local.plugins.framework import UNKNOWN, Context, Field, Props, ProviderError, ResourceType

OWNER = {"bucket": Field(required=True, replaces=True), "region": Field(computed=True, replaces=True)}


class BucketPart(ResourceType):
    """A setting of a bucket. Its types say how it is put, got and removed, by S3's operations of that name."""

    noun: ClassVar[str]
    missing: ClassVar[tuple[str, ...]] = ()
    """S3's codes for "never set"."""

    @abstractmethod
    def put(self, new: Props) -> tuple[str, Props]:
        """The operation that sets it, with its arguments besides the bucket."""

    @abstractmethod
    def got(self, answer: Props) -> Props | None:
        """The properties in the answer of the operation that gets it; None where it is not set."""

    get: ClassVar[str]
    remove: ClassVar[str]

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        return new["bucket"], self._put(client, new)

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        region = state.get("region") or client.region
        answer = client.find("s3", self.get, self._named(id), (*GONE, *self.missing), region, Bucket=id)
        found = self.got(answer) if answer is not None else None
        return None if found is None else {"bucket": id, "region": region, **found}

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        return self._put(client, new)

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        client.find("s3", self.remove, self._named(id), (*GONE, *self.missing), state.get("region"), Bucket=id)

    def _put(self, client: Client, new: Props) -> Props:
        operation, arguments = self.put(new)
        region = new.get("region") or client.region
        client.call("s3", operation, self._named(new["bucket"]), region, Bucket=new["bucket"], **arguments)
        return {"region": region}

    def _named(self, bucket: str) -> str:
        return f"{self.noun} of S3 bucket {bucket}"


class Versioning(BucketPart):
    token = "aws:s3/bucketVersioning:BucketVersioning"  # noqa: S105
    noun, get = "versioning", "get_bucket_versioning"
    fields: ClassVar = {**OWNER, "versioningConfiguration": Field(dict, required=True), "mfa": Field()}

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        wanted = inputs.get("versioningConfiguration")
        if not isinstance(wanted, dict) or wanted.get("status") in ("Enabled", "Suspended", "Disabled", UNKNOWN):
            return []
        return [("versioningConfiguration.status", "expected one of Enabled, Suspended, Disabled")]

    def put(self, new: Props) -> tuple[str, Props]:
        wanted = new["versioningConfiguration"]
        mfa = {"MFADelete": wanted["mfaDelete"]} if wanted.get("mfaDelete") else {}
        return "put_bucket_versioning", {"VersioningConfiguration": {"Status": wanted["status"], **mfa}}

    def got(self, answer: Props) -> Props | None:
        if "Status" not in answer:
            return None
        mfa = {"mfaDelete": answer["MFADelete"]} if answer.get("MFADelete") == "Enabled" else {}
        return {"versioningConfiguration": {"status": answer["Status"], **mfa}}

    def _put(self, client: Client, new: Props) -> Props:
        if new["versioningConfiguration"]["status"] == "Disabled":
            # S3 has no such state to set: it is what a bucket is in that never had versions.
            if self.read(client, new["bucket"], new, Context("", 0)):
                raise ProviderError(f"{self._named(new['bucket'])} can be suspended, not disabled, once it was enabled.", "Say Suspended.")
            return {"region": new.get("region") or client.region}
        return super()._put(client, new)

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        off = {"VersioningConfiguration": {"Status": "Suspended"}}
        if state["versioningConfiguration"]["status"] == "Enabled":
            client.find("s3", "put_bucket_versioning", self._named(id), GONE, state.get("region"), Bucket=id, **off)


class Encryption(BucketPart):
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"  # noqa: S105
    noun, get, remove = "encryption", "get_bucket_encryption", "delete_bucket_encryption"
    missing = ("ServerSideEncryptionConfigurationNotFoundError",)
    fields: ClassVar = {**OWNER, "rules": Field(list, required=True, unordered=True)}

    def put(self, new: Props) -> tuple[str, Props]:
        rules = []
        for rule in new["rules"]:
            wanted = rule.get("applyServerSideEncryptionByDefault") or {}
            key = {"KMSMasterKeyID": wanted["kmsMasterKeyId"]} if wanted.get("kmsMasterKeyId") else {}
            sent: Props = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": wanted["sseAlgorithm"], **key}} if wanted else {}
            rules.append(sent | ({"BucketKeyEnabled": rule["bucketKeyEnabled"]} if rule.get("bucketKeyEnabled") is not None else {}))
        return "put_bucket_encryption", {"ServerSideEncryptionConfiguration": {"Rules": rules}}

    def got(self, answer: Props) -> Props | None:
        rules = []
        for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]:
            found = rule.get("ApplyServerSideEncryptionByDefault", {})
            wanted = {"sseAlgorithm": found.get("SSEAlgorithm"), "kmsMasterKeyId": found.get("KMSMasterKeyID")}
            known = {name: value for name, value in wanted.items() if value}
            rules.append({"applyServerSideEncryptionByDefault": known, "bucketKeyEnabled": bool(rule.get("BucketKeyEnabled"))})
        return {"rules": rules}


class PublicAccessBlock(BucketPart):
    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"  # noqa: S105
    noun, get, remove = "public access block", "get_public_access_block", "delete_public_access_block"
    missing = ("NoSuchPublicAccessBlockConfiguration",)
    flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    fields: ClassVar = {**OWNER, **{name: Field(bool, default=False) for name in flags}, "skipDestroy": Field(bool)}

    def put(self, new: Props) -> tuple[str, Props]:
        wanted = {name[0].upper() + name[1:]: bool(new.get(name)) for name in self.flags}
        return "put_public_access_block", {"PublicAccessBlockConfiguration": wanted}

    def got(self, answer: Props) -> Props | None:
        found = answer["PublicAccessBlockConfiguration"]
        return {name: bool(found.get(name[0].upper() + name[1:])) for name in self.flags}

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        if not state.get("skipDestroy"):
            super().delete(client, id, state, ctx)


class OwnershipControls(BucketPart):
    token = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"  # noqa: S105
    noun, get, remove = "ownership controls", "get_bucket_ownership_controls", "delete_bucket_ownership_controls"
    missing = ("OwnershipControlsNotFoundError",)
    fields: ClassVar = {**OWNER, "rule": Field(dict, required=True)}

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        rule, allowed = inputs.get("rule"), ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
        wrong = isinstance(rule, dict) and rule.get("objectOwnership") not in (*allowed, UNKNOWN)
        return [("rule.objectOwnership", f"expected one of {', '.join(allowed)}")] if wrong else []

    def put(self, new: Props) -> tuple[str, Props]:
        rules = [{"ObjectOwnership": new["rule"]["objectOwnership"]}]
        return "put_bucket_ownership_controls", {"OwnershipControls": {"Rules": rules}}

    def got(self, answer: Props) -> Props | None:
        rules = answer["OwnershipControls"]["Rules"]
        return {"rule": {"objectOwnership": rules[0]["ObjectOwnership"]}} if rules else None


class ObjectLock(BucketPart):
    token = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"  # noqa: S105
    noun, get, missing = "object lock", "get_object_lock_configuration", ("ObjectLockConfigurationNotFoundError",)
    fields: ClassVar = {**OWNER, "objectLockEnabled": Field(default="Enabled", replaces=True), "rule": Field(dict)}

    def put(self, new: Props) -> tuple[str, Props]:
        wanted = (new.get("rule") or {}).get("defaultRetention")
        names = {"mode": "Mode", "days": "Days", "years": "Years"}
        retention = {names[name]: int(value) if name != "mode" else value for name, value in (wanted or {}).items()}
        rule = {"Rule": {"DefaultRetention": retention}} if wanted else {}
        return "put_object_lock_configuration", {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", **rule}}

    def got(self, answer: Props) -> Props | None:
        # A bucket that can lock has a configuration without a rule; that is as good as none.
        found = answer["ObjectLockConfiguration"].get("Rule", {}).get("DefaultRetention")
        if not found:
            return None
        return {
            "objectLockEnabled": "Enabled",
            "rule": {"defaultRetention": {name.lower(): value for name, value in found.items() if value}},
        }

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        off = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
        client.find("s3", "put_object_lock_configuration", self._named(id), GONE, state.get("region"), Bucket=id, **off)


class Policy(documents.WithDocument, BucketPart):
    token = "aws:s3/bucketPolicy:BucketPolicy"  # noqa: S105
    noun, get, remove, missing = "policy", "get_bucket_policy", "delete_bucket_policy", ("NoSuchBucketPolicy",)
    fields: ClassVar = {**OWNER, "policy": Field(required=True)}

    def put(self, new: Props) -> tuple[str, Props]:
        return "put_bucket_policy", {"Policy": new["policy"]}

    def got(self, answer: Props) -> Props | None:
        return {"policy": answer["Policy"]}
