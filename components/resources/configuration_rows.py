"""ConfigurationRows: the configuration that a tenant's file declares, as rows of tenant_configurations."""

from __future__ import annotations

from typing import Any, TypedDict

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.resources.declared import DeclaredProvider, made, maker
from tenantry.control import configuration


class ConfigurationRowsArgs(TypedDict):
    tenant_id: str
    rows: dict[str, str]
    """config_key → value as JSON text; text because a property map would turn integers into floats."""


class ConfigurationRowsProvider(DeclaredProvider):
    inputs = ("tenant_id", "rows")
    replaces = frozenset({"tenant_id"})

    def create(self, props: dict[str, Any]) -> CreateResult:
        outs = props | maker()
        configuration.write_declared(props["tenant_id"], props["rows"], outs["made_by"])
        return CreateResult(props["tenant_id"], outs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        outs = _news | made(_olds)
        configuration.write_declared(_news["tenant_id"], _news["rows"], outs.get("made_by"))
        return UpdateResult(outs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        rows = configuration.read_declared(id_)
        return ReadResult(id_, {**props, "rows": rows}) if rows is not None else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        configuration.withdraw_declared(_id, _props.get("made_by"))


class ConfigurationRows(Resource, module="tenantry", name="ConfigurationRows"):
    """A tenant's declared configuration rows; rows set at runtime are not its business."""

    def __init__(self, name: str, args: ConfigurationRowsArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(ConfigurationRowsProvider(), name, {**args}, opts)
