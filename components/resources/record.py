"""TenantRecord: a tenant's row in the registry, with its host names and its first administrator's invitation."""

from __future__ import annotations

from typing import Any, TypedDict

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.resources.declared import DeclaredProvider, made, maker
from tenantry.control import registry
from tenantry.declaration.placement import Row


class Admin(TypedDict):
    """The first administrator."""

    name: str
    email: str


class TenantRecordArgs(TypedDict):
    tenant_id: str
    slug: str
    row: Row
    """One property, because every property of every tenant costs each run."""
    domains: list[str]
    """Custom host names, ASCII."""
    admin: Admin
    """Whose invitation stands open. It is made here without a token: `tenantry up` issues that afterwards, so no state ever holds one."""


def _record(props: dict[str, Any]) -> None:
    registry.record(props["tenant_id"], props["slug"], props["row"], props["domains"], props["admin"], props.get("made_by"))


class TenantRecordProvider(DeclaredProvider):
    inputs = tuple(TenantRecordArgs.__annotations__)
    replaces = frozenset({"tenant_id", "slug"})

    def create(self, props: dict[str, Any]) -> CreateResult:
        outs = props | maker()
        _record(outs)
        return CreateResult(props["tenant_id"], outs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        outs = _news | made(_olds)
        _record(outs)
        return UpdateResult(outs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        found = registry.read_record(id_)
        return ReadResult(id_, {**props, **found}) if found else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        row = _props["row"]
        if not registry.still_made_by(_id, row["stack"], _props.get("made_by")):
            return
        if row["isolation"] == "rls":
            registry.remove_rows(_id, row["database"], row["schema"])
        registry.retire(_id, _props["slug"])


class TenantRecord(Resource, module="tenantry", name="TenantRecord"):
    """The registry's row of a tenant. It is made first and removed last; removed means marked deleted and its names freed.

    The rows of an ``rls`` tenant in its cell's shared tables are removed with it: they are in no other resource.
    """

    def __init__(self, name: str, args: TenantRecordArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(TenantRecordProvider(), name, {**args}, opts)
