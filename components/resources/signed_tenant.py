"""SignedTenant: a tenant whose rows in its cell's shared tables open to signed contexts only."""

from __future__ import annotations

from typing import Any, TypedDict

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.resources.declared import DeclaredProvider, made, maker
from tenantry.postgres import row_context


class SignedTenantArgs(TypedDict):
    cell: str
    tenant_id: str
    admitted: bool
    """False: its tokens open nothing, as those of a suspended tenant."""


class SignedTenantProvider(DeclaredProvider):
    inputs = tuple(SignedTenantArgs.__annotations__)
    replaces = frozenset({"cell", "tenant_id"})

    def create(self, props: dict[str, Any]) -> CreateResult:
        outs = props | maker()
        row_context.keep(props["cell"], props["tenant_id"], admitted=props["admitted"], made_by=outs["made_by"])
        return CreateResult(props["tenant_id"], outs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        outs = _news | made(_olds)
        row_context.keep(_news["cell"], _news["tenant_id"], admitted=_news["admitted"], made_by=outs.get("made_by"))
        return UpdateResult(outs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        admitted = row_context.kept(props["cell"], id_)
        return ReadResult("", {}) if admitted is None else ReadResult(id_, {**props, "admitted": admitted})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        row_context.release(_props["cell"], _props["tenant_id"], _props.get("made_by"))


class SignedTenant(Resource, module="tenantry", name="SignedTenant"):
    """Made before the tenant's record and removed after it, so before its first row and after its last."""

    def __init__(self, name: str, args: SignedTenantArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(SignedTenantProvider(), name, {**args}, opts)
