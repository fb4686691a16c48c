"""`aws.rds.Instance`, of PostgreSQL."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from local.plugins.aws.client import Client
from local.plugins.aws.tags import listed, mapped, removed
from local.plugins.framework import UNKNOWN, Context, Field, Props, ProviderError, ResourceType

GONE = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
READY_SECONDS, POLL_SECONDS = 2400, 1.0

# Pulumi's name and RDS's, of what is sent on creation and read back under the same name.
SENT = {
    "allocatedStorage": "AllocatedStorage",
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "availabilityZone": "AvailabilityZone",
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "backupWindow": "PreferredBackupWindow",
    "caCertIdentifier": "CACertificateIdentifier",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "dbName": "DBName",
    "deletionProtection": "DeletionProtection",
    "engine": "Engine",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "instanceClass": "DBInstanceClass",
    "iops": "Iops",
    "kmsKeyId": "KmsKeyId",
    "licenseModel": "LicenseModel",
    "maintenanceWindow": "PreferredMaintenanceWindow",
    "maxAllocatedStorage": "MaxAllocatedStorage",
    "monitoringInterval": "MonitoringInterval",
    "monitoringRoleArn": "MonitoringRoleArn",
    "multiAz": "MultiAZ",
    "networkType": "NetworkType",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
    "publiclyAccessible": "PubliclyAccessible",
    "storageEncrypted": "StorageEncrypted",
    "storageThroughput": "StorageThroughput",
    "storageType": "StorageType",
    "username": "MasterUsername",
}
READ = SENT | {
    "iamDatabaseAuthenticationEnabled": "IAMDatabaseAuthenticationEnabled",
    "performanceInsightsEnabled": "PerformanceInsightsEnabled",
}
# What has another form in RDS's calls than in its answers.
OPTIONS = {
    "manageMasterUserPassword": "ManageMasterUserPassword",
    "masterUserSecretKmsKeyId": "MasterUserSecretKmsKeyId",
    "parameterGroupName": "DBParameterGroupName",
    "password": "MasterUserPassword",
    "vpcSecurityGroupIds": "VpcSecurityGroupIds",
}
CHOSEN = {"dbSubnetGroupName": "DBSubnetGroupName", "engineVersion": "EngineVersion", "port": "Port"}
ONLY_AT_CREATION = {"availabilityZone", "dbName", "engine", "kmsKeyId", "storageEncrypted", "username"}


class Instance(ResourceType):
    """A database server; its id is RDS's resource id (`db-…`), and it is imported by its identifier."""

    token = "aws:rds/instance:Instance"  # noqa: S105
    fields: ClassVar = {
        "instanceClass": Field(required=True),
        "identifier": Field(autoname=True),
        "allocatedStorage": Field(int, computed=True),
        "allowMajorVersionUpgrade": Field(bool),
        "applyImmediately": Field(bool, default=False),
        "autoMinorVersionUpgrade": Field(bool, default=True),
        "availabilityZone": Field(computed=True, replaces=True),
        "backupRetentionPeriod": Field(int, computed=True),
        "backupWindow": Field(computed=True),
        "caCertIdentifier": Field(computed=True),
        "copyTagsToSnapshot": Field(bool, default=False),
        "dbName": Field(computed=True, replaces=True),
        "dbSubnetGroupName": Field(computed=True),
        "deleteAutomatedBackups": Field(bool, default=True),
        "deletionProtection": Field(bool),
        "engine": Field(computed=True, replaces=True),
        "engineVersion": Field(computed=True),
        "finalSnapshotIdentifier": Field(),
        "iamDatabaseAuthenticationEnabled": Field(bool),
        "iops": Field(int, computed=True),
        "kmsKeyId": Field(computed=True, replaces=True),
        "licenseModel": Field(computed=True),
        "maintenanceWindow": Field(computed=True),
        "manageMasterUserPassword": Field(bool),
        "masterUserSecretKmsKeyId": Field(computed=True),
        "maxAllocatedStorage": Field(int),
        "monitoringInterval": Field(int, default=0),
        "monitoringRoleArn": Field(computed=True),
        "multiAz": Field(bool, computed=True),
        "networkType": Field(computed=True),
        "parameterGroupName": Field(computed=True),
        "password": Field(secret=True),
        "performanceInsightsEnabled": Field(bool, default=False),
        "port": Field(int, computed=True),
        "publiclyAccessible": Field(bool, default=False),
        "region": Field(computed=True, replaces=True),
        "skipFinalSnapshot": Field(bool, default=False),
        "storageEncrypted": Field(bool, replaces=True),
        "storageThroughput": Field(int, computed=True),
        "storageType": Field(computed=True),
        "username": Field(computed=True, replaces=True),
        "vpcSecurityGroupIds": Field(list, computed=True, unordered=True),
        "tags": Field(dict),
        "tagsAll": Field(dict, output=True),
        **{
            name: Field(output=True)
            for name in ("address", "arn", "endpoint", "engineVersionActual", "hostedZoneId", "resourceId", "status")
        },
        "latestRestorableTime": Field(output=True),
        "listenerEndpoints": Field(list, output=True),
        "masterUserSecrets": Field(list, output=True),
        "replicas": Field(list, output=True),
    }

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        wrong = []
        if inputs.get("manageMasterUserPassword") is True and inputs.get("password") is not None:
            wrong.append(("manageMasterUserPassword", '"manage_master_user_password": conflicts with password'))
        if not olds:
            if inputs.get("engine") not in ("postgres", UNKNOWN):
                wrong.append(("engine", f"the stand-in serves postgres, not {inputs.get('engine')!r}"))
            if inputs.get("username") is None:
                wrong.append(("username", '"username": required field is not set'))
            if inputs.get("password") is None and inputs.get("manageMasterUserPassword") in (None, False):
                wrong.append(("password", '"password": required unless manage_master_user_password is true'))
        return wrong

    def same(self, name: str, old: Any, new: Any) -> bool:
        if name == "engineVersion" and isinstance(old, str) and isinstance(new, str):
            # A prefix stands for the minor versions under it.
            return old == new or old.startswith(f"{new}.")
        if name == "identifier" and isinstance(old, str) and isinstance(new, str):
            return old.lower() == new.lower()
        return super().same(name, old, new)

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        identifier, sent = new["identifier"], {api: new[name] for name, api in SENT.items() if new.get(name) is not None}
        sent |= _given(new, OPTIONS | CHOSEN)
        if tags := client.tags(new):
            sent["Tags"] = listed(tags)
        client.call("rds", "create_db_instance", _named(identifier), new.get("region"), DBInstanceIdentifier=identifier, **sent)
        found = self._wait(client, identifier, new, ctx)
        return found["resourceId"], found

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        which: Props = {"Filters": [{"Name": "dbi-resource-id", "Values": [id]}]} if id.startswith("db-") else {"DBInstanceIdentifier": id}
        region = state.get("region") or client.region
        answer = client.find("rds", "describe_db_instances", _named(state.get("identifier") or id), GONE, region, **which)
        if not answer or not answer["DBInstances"]:
            return None
        found = answer["DBInstances"][0]
        endpoint, secret = found.get("Endpoint", {}), found.get("MasterUserSecret")
        asked, actual = state.get("engineVersion"), found["EngineVersion"]
        read = {name: found[api] for name, api in READ.items() if api in found}
        # RDS does not know what a deletion is to do; on an import the official provider says this.
        imported = {} if state else {"skipFinalSnapshot": True, "deleteAutomatedBackups": True}
        return {
            **read,
            **imported,
            "id": found["DbiResourceId"],
            "resourceId": found["DbiResourceId"],
            "identifier": found["DBInstanceIdentifier"],
            "region": region,
            "arn": found["DBInstanceArn"],
            "status": found["DBInstanceStatus"],
            "engineVersion": asked if asked and self.same("engineVersion", actual, asked) else actual,
            "engineVersionActual": actual,
            "address": endpoint.get("Address", ""),
            "port": endpoint.get("Port"),
            "endpoint": f"{endpoint['Address']}:{endpoint['Port']}" if endpoint.get("Port") else "",
            "hostedZoneId": endpoint.get("HostedZoneId", ""),
            "manageMasterUserPassword": True if secret else None,
            "masterUserSecrets": [_secret(secret)] if secret else [],
            "parameterGroupName": next((group["DBParameterGroupName"] for group in found.get("DBParameterGroups", [])), ""),
            "vpcSecurityGroupIds": [group["VpcSecurityGroupId"] for group in found.get("VpcSecurityGroups", [])],
            "latestRestorableTime": found["LatestRestorableTime"].strftime("%Y-%m-%dT%H:%M:%SZ") if "LatestRestorableTime" in found else "",
            "replicas": found.get("ReadReplicaDBInstanceIdentifiers", []),
            "listenerEndpoints": [],
            **mapped(found.get("TagList", []), client.default_tags),
        }

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        identifier, region, what = old["identifier"], new.get("region"), _named(old["identifier"])
        if not self.same("identifier", old["identifier"], new["identifier"]):
            raise ProviderError(f"{what} keeps its identifier.", "The official provider renames it; the stand-in does not.")
        changed = {name for name in self.fields if not self.same(name, old.get(name), new.get(name))}
        sent = {api: new[name] for name, api in SENT.items() if name in changed - ONLY_AT_CREATION and new.get(name) is not None}
        sent |= _given({name: new[name] for name in changed if name in new}, OPTIONS)
        if "deletionProtection" in changed:
            sent["DeletionProtection"] = bool(new.get("deletionProtection"))
        if "manageMasterUserPassword" in changed:
            sent["ManageMasterUserPassword"] = bool(new.get("manageMasterUserPassword"))
        if "engineVersion" in changed:
            sent |= {"EngineVersion": new["engineVersion"], "AllowMajorVersionUpgrade": bool(new.get("allowMajorVersionUpgrade"))}
        if (size := sent.get("AllocatedStorage")) is not None and size < old["allocatedStorage"]:
            raise ProviderError(
                f"{what}: InvalidParameterCombination: Requested storage size ({size}) cannot be less than the current storage size "
                f"({old['allocatedStorage']})."
            )
        if not new.get("applyImmediately"):
            sent.pop("AllocatedStorage", None)  # RDS keeps it for the next maintenance window, which the local cloud has none of
        if sent:
            now = bool(new.get("applyImmediately")) or {"DeletionProtection"} == set(sent)
            client.call("rds", "modify_db_instance", what, region, DBInstanceIdentifier=identifier, ApplyImmediately=now, **sent)
        tags, arn = client.tags(new), old["arn"]
        if gone := removed(old.get("tagsAll") or {}, tags):
            client.call("rds", "remove_tags_from_resource", what, region, ResourceName=arn, TagKeys=gone)
        if tags != (old.get("tagsAll") or {}):
            client.call("rds", "add_tags_to_resource", what, region, ResourceName=arn, Tags=listed(tags))
        return self._wait(client, identifier, new, ctx)

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        identifier, region = state["identifier"], state.get("region")
        if self.read(client, id, state, ctx) is None:
            return
        snapshot: Props = {"SkipFinalSnapshot": bool(state.get("skipFinalSnapshot"))}
        if not state.get("skipFinalSnapshot"):
            if not state.get("finalSnapshotIdentifier"):
                raise ProviderError(
                    f"{_named(identifier)}: final_snapshot_identifier is required when skip_final_snapshot is false.",
                    "Set one of the two, run up, then destroy.",
                )
            snapshot["FinalDBSnapshotIdentifier"] = state["finalSnapshotIdentifier"]
        backups = state.get("deleteAutomatedBackups", True)
        client.find(
            "rds", "delete_db_instance", _named(identifier), GONE, region,
            DBInstanceIdentifier=identifier, DeleteAutomatedBackups=backups, **snapshot,
        )  # fmt: skip
        deadline = time.monotonic() + READY_SECONDS
        while self.read(client, id, state, ctx) is not None:
            if time.monotonic() > deadline:
                raise ProviderError(f"{_named(identifier)} is still being deleted.", "Run again later.")
            time.sleep(POLL_SECONDS)

    def _wait(self, client: Client, identifier: str, new: Props, ctx: Context) -> Props:
        """The instance once it is available. Raises ProviderError where it does not become so."""
        deadline = time.monotonic() + (ctx.timeout or READY_SECONDS)
        while True:
            found = self.read(client, identifier, new, ctx)
            if found is None:
                raise ProviderError(
                    f"{_named(identifier)} is gone: it was deleted outside of this stack.", "Refresh the stack, then run again."
                )
            if found["status"] == "available":
                return found
            if time.monotonic() > deadline:
                raise ProviderError(f"{_named(identifier)} is {found['status']}, not available.", "Run again later.")
            time.sleep(POLL_SECONDS)


def _named(identifier: str) -> str:
    return f"RDS instance {identifier}"


def _given(new: Props, names: Mapping[str, str]) -> Props:
    """What there is of ``names``, as RDS calls it; what is empty is not sent."""
    return {api: new[name] for name, api in names.items() if new.get(name)}


def _secret(found: Props) -> Props:
    return {"secretArn": found["SecretArn"], "secretStatus": found.get("SecretStatus", ""), "kmsKeyId": found.get("KmsKeyId", "")}
