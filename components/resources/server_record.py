"""ServerRecord: where a server of a tenant's own listens, written into the registry for whoever looks the tenant up."""

from __future__ import annotations

from typing import Any, TypedDict

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.resources.declared import DeclaredProvider
from tenantry.control import servers


class ServerRecordArgs(TypedDict):
    identifier: str
    """What the tenant's row calls the server."""
    tenant_id: str
    address: pulumi.Input[str]
    port: pulumi.Input[int]


class ServerRecordProvider(DeclaredProvider):
    inputs = tuple(ServerRecordArgs.__annotations__)
    replaces = frozenset({"identifier", "tenant_id"})

    def create(self, props: dict[str, Any]) -> CreateResult:
        servers.record(props["identifier"], props["tenant_id"], props["address"], int(props["port"]))
        return CreateResult(props["identifier"], props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        servers.record(_news["identifier"], _news["tenant_id"], _news["address"], int(_news["port"]))
        return UpdateResult(_news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        found = servers.recorded(id_)
        return ReadResult(id_, {**props, "address": found[0], "port": found[1]}) if found else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        servers.forget(_id)


class ServerRecord(Resource, module="tenantry", name="ServerRecord"):
    """Made when the server is there, and removed before it goes."""

    def __init__(self, name: str, args: ServerRecordArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(ServerRecordProvider(), name, {**args}, opts)
