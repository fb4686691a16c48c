"""AdminInvitation: the open invitation of a tenant's first administrator."""

from __future__ import annotations

from typing import Any, TypedDict

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.resources.declared import DeclaredProvider


class AdminInvitationArgs(TypedDict):
    tenant_id: str
    email: str
    name: str


class AdminInvitationProvider(DeclaredProvider):
    inputs = ("tenant_id", "email", "name")
    replaces = frozenset({"tenant_id", "email"})

    def create(self, props: dict[str, Any]) -> CreateResult:
        from tenantry.clients import registry

        return CreateResult(registry.invite(props["tenant_id"], props["email"], props["name"]), props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        from tenantry.clients import registry

        registry.invite(_news["tenant_id"], _news["email"], _news["name"])
        return UpdateResult(_news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        from tenantry.clients import registry

        found = registry.read_invitation(id_)
        return ReadResult(id_, {**props, **found}) if found else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        from tenantry.clients import registry

        registry.revoke_invitation(_id)


class AdminInvitation(Resource, module="tenantry", name="AdminInvitation"):
    """An invitation without its token: `tenantry up` issues the token afterwards, so that no state ever holds one."""

    def __init__(self, name: str, args: AdminInvitationArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(AdminInvitationProvider(), name, {**args}, opts)
