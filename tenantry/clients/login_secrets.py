"""Secrets with which applications log in: one for each login, in AWS Secrets Manager or in a parameter of AWS Systems Manager.

The text is JSON as RDS writes it. Both kinds are asked for by the same names and bear the same tags (docs/adr/0038).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tenantry.clients.aws import client, explained
from tenantry.errors import TransientError, WorkError

Kind = Literal["secretsmanager", "ssm"]
MARK: Final = "tenantry"
"""The tag that says whose it is, as on everything else that Tenantry makes in AWS."""
PLATFORM: Final = "platform"
"""Its value where the secret is no tenant's own."""


@dataclass(frozen=True)
class LoginSecret:
    """Where a login's secret is, and what tags it bears; ``MARK`` is one of them."""

    kind: Kind
    name: str
    tags: Mapping[str, str]

    def read(self) -> dict[str, Any] | None:
        """What it says, or None when there is none."""
        return _read(self.kind, self._id)

    def write(self, content: Mapping[str, Any]) -> str:
        """Makes it say that, unless it does; its ARN. ``WorkError`` where somebody else has the name."""
        with explained(f"{self.kind} secret {self.name}"):
            arn = self._arn()
        if arn is not None and self.read() == dict(content):
            return arn
        with explained(f"{self.kind} secret {self.name}"):
            return (self._to_manager if self.kind == "secretsmanager" else self._to_parameter)(json.dumps(dict(content)), arn)

    def erase(self) -> bool:
        """Deletes it with all of its versions, for good; whether it was there. What is somebody else's stays."""
        with explained(f"{self.kind} secret {self.name}"):
            if self._tags().get(MARK) != self.tags[MARK]:
                return False
            if self.kind == "secretsmanager":
                client("secretsmanager").delete_secret(SecretId=self._id, ForceDeleteWithoutRecovery=True)
            else:
                client("ssm").delete_parameter(Name=self._id)
        return True

    @property
    def there(self) -> bool:
        """Whether there is one, of ours."""
        with explained(f"{self.kind} secret {self.name}"):
            return self._tags().get(MARK) == self.tags[MARK]

    @property
    def arn(self) -> str:
        """Its ARN. ``WorkError`` where it is not there, or somebody else's."""
        with explained(f"{self.kind} secret {self.name}"):
            found = self._arn()
        if found is None:
            raise WorkError(f"there is no secret {self.name}", "tenantry up --all --refresh makes it")
        return found

    @property
    def _id(self) -> str:
        return self.name if self.kind == "secretsmanager" else f"/{self.name}"

    def _arn(self) -> str | None:
        """Its ARN when it is there, and ours."""
        found = self._tags()
        if found and found.get(MARK) != self.tags[MARK]:
            raise WorkError(
                f"the secret {self.name} is not Tenantry's",
                f"rename or delete it; one of ours has the tag {MARK} = {self.tags[MARK]}",
            )
        if self.kind == "secretsmanager":
            manager = client("secretsmanager")
            try:
                return str(manager.describe_secret(SecretId=self._id)["ARN"])
            except manager.exceptions.ResourceNotFoundException:
                return None
        ssm = client("ssm")
        try:
            return str(ssm.get_parameter(Name=self._id)["Parameter"]["ARN"])
        except ssm.exceptions.ParameterNotFound:
            return None

    def _tags(self) -> dict[str, str]:
        """The tags that it has; none where there is no such secret."""
        if self.kind == "secretsmanager":
            manager = client("secretsmanager")
            try:
                found = manager.describe_secret(SecretId=self._id).get("Tags", [])
            except manager.exceptions.ResourceNotFoundException:
                return {}
        else:
            ssm = client("ssm")
            try:
                found = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=self._id)["TagList"]
            except ssm.exceptions.InvalidResourceId:
                return {}
        return {tag["Key"]: tag["Value"] for tag in found}

    def _to_manager(self, text: str, arn: str | None) -> str:
        manager = client("secretsmanager")
        if arn is None:
            try:
                return str(manager.create_secret(Name=self._id, SecretString=text, Tags=self._listed)["ARN"])
            except manager.exceptions.InvalidRequestException as error:  # AWS takes a moment to let go of a name
                raise TransientError(f"the former secret {self.name} is still being deleted", "run it again in a minute") from error
        manager.put_secret_value(SecretId=self._id, SecretString=text)
        manager.tag_resource(SecretId=self._id, Tags=self._listed)
        return arn

    def _to_parameter(self, text: str, arn: str | None) -> str:
        ssm = client("ssm")
        if arn is None:
            # Standard as long as the account has room for them, which costs nothing.
            ssm.put_parameter(Name=self._id, Value=text, Type="SecureString", Tier="Intelligent-Tiering", Tags=self._listed)
            return str(ssm.get_parameter(Name=self._id)["Parameter"]["ARN"])
        ssm.put_parameter(Name=self._id, Value=text, Type="SecureString", Tier="Intelligent-Tiering", Overwrite=True)
        ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=self._id, Tags=self._listed)
        return arn

    @property
    def _listed(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]


def at(arn: str) -> dict[str, Any] | None:
    """What the secret of that ARN says, of either kind; None when there is none."""
    _, _, service, _, _, resource = arn.split(":", 5)
    return _read("ssm", resource.removeprefix("parameter")) if service == "ssm" else _read("secretsmanager", arn)


def _read(kind: Kind, id_: str) -> dict[str, Any] | None:
    aws = client(kind)
    nothing = aws.exceptions.ParameterNotFound if kind == "ssm" else aws.exceptions.ResourceNotFoundException
    with explained(f"{kind} secret {id_}"):
        try:
            if kind == "ssm":
                text = aws.get_parameter(Name=id_, WithDecryption=True)["Parameter"]["Value"]
            else:
                text = aws.get_secret_value(SecretId=id_)["SecretString"]
        except nothing:
            return None
    found: dict[str, Any] = json.loads(text)
    return found
