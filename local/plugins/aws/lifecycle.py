"""`aws.s3.BucketLifecycleConfiguration`."""

from typing import Any, ClassVar

from local.plugins.aws.bucket_parts import OWNER, BucketPart
from local.plugins.framework import Field, Props

# Pulumi's name of a rule's part, S3's name, and the parts of it by the same two names.
PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "abortIncompleteMultipartUpload": ("AbortIncompleteMultipartUpload", {"daysAfterInitiation": "DaysAfterInitiation"}),
    "expiration": ("Expiration", {"date": "Date", "days": "Days", "expiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}),
    "noncurrentVersionExpiration": (
        "NoncurrentVersionExpiration",
        {"noncurrentDays": "NoncurrentDays", "newerNoncurrentVersions": "NewerNoncurrentVersions"},
    ),
    "transitions": ("Transitions", {"date": "Date", "days": "Days", "storageClass": "StorageClass"}),
    "noncurrentVersionTransitions": (
        "NoncurrentVersionTransitions",
        {"noncurrentDays": "NoncurrentDays", "newerNoncurrentVersions": "NewerNoncurrentVersions", "storageClass": "StorageClass"},
    ),
    "filter": (
        "Filter",
        {"prefix": "Prefix", "objectSizeGreaterThan": "ObjectSizeGreaterThan", "objectSizeLessThan": "ObjectSizeLessThan"},
    ),
}
KNOWN = {"id", "status", "prefix", *PARTS}


class Lifecycle(BucketPart):
    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"  # noqa: S105
    noun, get, remove = "lifecycle", "get_bucket_lifecycle_configuration", "delete_bucket_lifecycle"
    missing = ("NoSuchLifecycleConfiguration",)
    fields: ClassVar = {
        **OWNER,
        "rules": Field(list),
        "transitionDefaultMinimumObjectSize": Field(computed=True),
    }

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        wrong = []
        for number, rule in enumerate(inputs["rules"] if isinstance(inputs.get("rules"), list) else []):
            if not isinstance(rule, dict):
                continue
            wrong += [(f"rules[{number}].{name}", "is required") for name in ("id", "status") if rule.get(name) is None]
            wrong += [(f"rules[{number}].{name}", "is not served by the stand-in") for name in rule if name not in KNOWN]
            for name, (_, keys) in PARTS.items():
                parts = rule.get(name) or []
                for part in parts if isinstance(parts, list) else [parts]:
                    wrong += [
                        (f"rules[{number}].{name}.{key}", "is not served by the stand-in")
                        for key in (part if isinstance(part, dict) else {})
                        if key not in keys
                    ]
        return wrong

    def put(self, new: Props) -> tuple[str, Props]:
        rules = []
        for rule in new.get("rules") or []:
            sent: Props = {"ID": rule["id"], "Status": rule["status"]}
            for name, (api, keys) in PARTS.items():
                if rule.get(name) is not None:
                    sent[api] = _renamed(rule[name], keys)
            if "prefix" in rule:
                sent["Prefix"] = rule["prefix"]
            elif "Filter" not in sent:
                sent["Filter"] = {"Prefix": ""}
            rules.append(sent)
        return "put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": rules}}

    def got(self, answer: Props) -> Props | None:
        rules = []
        for rule in answer["Rules"]:
            found: Props = {"id": rule["ID"], "status": rule["Status"]}
            for name, (api, keys) in PARTS.items():
                if rule.get(api):
                    found[name] = _renamed(rule[api], {value: key for key, value in keys.items()})
            rules.append(found)
        size = answer.get("TransitionDefaultMinimumObjectSize") or "all_storage_classes_128K"
        return {"rules": rules, "transitionDefaultMinimumObjectSize": size}

    def _put(self, client: Any, new: Props) -> Props:
        size = new.get("transitionDefaultMinimumObjectSize") or "all_storage_classes_128K"
        return {**super()._put(client, new), "transitionDefaultMinimumObjectSize": size}


def _renamed(value: Any, keys: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, keys) for item in value]
    return {keys[key]: item for key, item in value.items() if item is not None and key in keys}
