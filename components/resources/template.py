"""Template: the database that new `database` tenants are copied from, at the head of the tenant tables' migrations."""

from __future__ import annotations

from typing import Any, TypedDict

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.resources.declared import DeclaredProvider
from tenantry.postgres import template


class TemplateArgs(TypedDict):
    database: str
    revision: str
    """Head of migrations/tenant."""


class TemplateProvider(DeclaredProvider):
    inputs = (*TemplateArgs.__annotations__, "form")
    replaces = frozenset({"database"})

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["database"], {**props, "revision": template.ensure()})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult({**_news, "revision": template.ensure()})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        found = template.revision()
        return ReadResult(id_, {**props, "revision": found}) if found else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        template.drop()


class Template(Resource, module="tenantry", name="Template"):
    """The tenant tables without a tenant. It holds no data, so it is not protected."""

    database: pulumi.Output[str]

    def __init__(self, name: str, args: TemplateArgs, opts: pulumi.ResourceOptions) -> None:
        super().__init__(TemplateProvider(), name, {**args, "form": template.FORM}, opts)
