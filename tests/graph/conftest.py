"""Runs a program against Pulumi's mocks and records every registration, so that tests read like sentences about the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tenantry.backend import replacement
from tenantry.declaration import load
from tenantry.settings import PlatformSettings

SAMPLES = Path(__file__).resolve().parents[2] / "tenants"


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    inputs: dict[str, Any]
    custom: bool


@dataclass
class Graph(pulumi.runtime.Mocks):
    """What a program registered, by logical name."""

    resources: dict[str, Registered] = field(default_factory=dict)
    options: dict[str, pulumi.ResourceOptions] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.resources[args.name] = Registered(args.typ, args.name, dict(args.inputs), bool(args.custom))
        outputs = dict(args.inputs)
        if args.typ == "aws:acm/certificate:Certificate":
            outputs["domainValidationOptions"] = [{"resourceRecordName": "_x.tenantry.example.", "resourceRecordValue": "_y.acm.example."}]
        if args.typ == "aws:rds/instance:Instance":
            outputs |= {"address": "10.0.0.1", "port": 5432, "masterUserSecrets": [{"secretArn": "arn:secret"}]}
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        return {"secretString": '{"username": "tenantry", "password": "secret"}'} if "getSecretVersion" in args.token else {}

    def of_type(self, token: str) -> list[Registered]:
        """The resources of one type."""
        return [resource for resource in self.resources.values() if resource.type == token]


@pytest.fixture
def settings() -> PlatformSettings:
    return PlatformSettings.from_project(SAMPLES.parent)


@pytest.fixture
def samples() -> Any:
    return load(SAMPLES)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], Graph]:
    """Runs a program to its end and returns its graph, with each resource's options and parent."""

    def runner(program: Callable[[], None]) -> Graph:
        graph = Graph()
        pulumi.runtime.set_mocks(graph, project="tenantry", stack="shared", preview=False)
        original = pulumi.Resource.__init__

        def spy(self: pulumi.Resource, t: str, name: str, custom: bool, *args: Any, **kwargs: Any) -> None:
            original(self, t, name, custom, *args, **kwargs)
            opts = next(
                (value for value in [*args, *kwargs.values()] if isinstance(value, pulumi.ResourceOptions)), pulumi.ResourceOptions()
            )
            graph.options[name] = opts
            graph.parents[name] = opts.parent._name if opts.parent is not None else ""

        monkeypatch.setattr(pulumi.Resource, "__init__", spy)

        @pulumi.runtime.test
        def execute() -> None:
            program()

        execute()
        unanswered = {resource.type for resource in graph.resources.values() if resource.custom} - set(replacement.ANSWERS)
        assert not unanswered, f"tenantry/backend/replacement.py does not say what becomes of these when replaced: {unanswered}"
        return graph

    return runner
