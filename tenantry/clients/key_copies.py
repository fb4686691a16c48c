"""Second copies of the keys of tenants' backups: a parameter each in AWS Systems Manager, sealed as the row in the control database is.

A parameter of its own for each, because only that can be erased: of a secret that holds many, AWS keeps former versions. Standard
parameters cost nothing; beyond 10,000 of an account and region AWS makes them advanced ones (docs/adr/0023).
"""

from __future__ import annotations

import base64
from uuid import UUID

from tenantry.clients.aws import client, explained
from tenantry.settings import platform_settings


def name_of(tenant_id: UUID) -> str:
    """The parameter's name."""
    return f"{_path()}/{tenant_id}"


def find(tenant_id: UUID) -> bytes | None:
    """The sealed key, or None when there is no copy."""
    ssm, name = client("ssm"), name_of(tenant_id)
    with explained(f"parameter {name}"):
        try:
            return base64.b64decode(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return None


def keep(tenant_id: UUID, sealed: bytes) -> bytes:
    """Makes the copy, or leaves the one that is there; what it holds now."""
    found = find(tenant_id)
    if found is not None:
        return found
    ssm, name = client("ssm"), name_of(tenant_id)
    with explained(f"parameter {name}"):
        try:
            ssm.put_parameter(
                Name=name,
                Value=base64.b64encode(sealed).decode(),
                Type="SecureString",
                Tier="Intelligent-Tiering",
                Description="Sealed copy of the key of a tenant's backups. Erased by the tenant's deletion alone.",
                Tags=[{"Key": "tenantry", "Value": "platform"}],
            )
        except ssm.exceptions.ParameterAlreadyExists:
            return base64.b64decode(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    return sealed


def erase(tenant_id: UUID) -> bool:
    """Deletes the copy with all its versions; whether there was one."""
    ssm, name = client("ssm"), name_of(tenant_id)
    with explained(f"parameter {name}"):
        try:
            ssm.delete_parameter(Name=name)
        except ssm.exceptions.ParameterNotFound:
            return False
    return True


def any_there() -> bool:
    """Whether there is a copy of any tenant's key."""
    with explained(f"parameters below {_path()}"):
        return bool(client("ssm").get_parameters_by_path(Path=_path(), MaxResults=1)["Parameters"])


def _path() -> str:
    return f"/{platform_settings().bucket_prefix}/tenantry/backup-keys"
