"""Drives a provider plugin over gRPC as the engine does, a stand-in and an official one alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local.plugins.framework.values import decode, encode

SEED = bytes(range(32))


@dataclass(frozen=True)
class Recorded:
    """A resource as the engine's state holds it."""

    token: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    secrets: frozenset[str] = field(default=frozenset())
    """The outputs that are secrets."""


@dataclass(frozen=True)
class Difference:
    """What a diff says."""

    changes: frozenset[str]
    replaces: frozenset[str]
    delete_first: bool


class Driver:
    """The engine's side of one plugin process. A call that the plugin fails raises grpc.RpcError."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def configure(self, config: Mapping[str, str]) -> None:
        """Configures the provider as the engine does; values other than text are JSON."""
        checked = self.stub.CheckConfig(provider_pb2.CheckRequest(urn=_urn("pulumi:providers:postgresql"), news=encode(config)))
        assert not checked.failures, checked.failures
        self.stub.Configure(provider_pb2.ConfigureRequest(args=checked.inputs, acceptSecrets=True, sends_old_inputs=True))

    def check(
        self, token: str, inputs: Mapping[str, Any], secrets: frozenset[str] = frozenset(), olds: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, str], frozenset[str]]:
        """The checked inputs, the failures by property, the secret inputs."""
        request = provider_pb2.CheckRequest(urn=_urn(token), olds=encode(olds or {}), news=encode(inputs, secrets), randomSeed=SEED)
        response = self.stub.Check(request)
        checked, hidden = decode(response.inputs)
        return checked, {each.property: each.reason for each in response.failures}, hidden

    def create(self, token: str, inputs: Mapping[str, Any], secrets: frozenset[str] = frozenset()) -> Recorded:
        checked, failures, hidden = self.check(token, inputs, secrets)
        assert not failures, failures
        response = self.stub.Create(provider_pb2.CreateRequest(urn=_urn(token), properties=encode(checked, hidden)))
        outputs, secret_outputs = decode(response.properties)
        return Recorded(token, response.id, checked, outputs, secret_outputs)

    def preview(self, token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs that a creation would have, as far as known."""
        checked, failures, hidden = self.check(token, inputs)
        assert not failures, failures
        request = provider_pb2.CreateRequest(urn=_urn(token), properties=encode(checked, hidden), preview=True)
        return decode(self.stub.Create(request).properties)[0]

    def diff(self, old: Recorded, inputs: Mapping[str, Any], ignore: tuple[str, ...] = ()) -> Difference:
        checked, failures, _ = self.check(old.token, inputs, olds=old.inputs)
        assert not failures, failures
        response = self.stub.Diff(provider_pb2.DiffRequest(**_known(old), news=encode(checked), ignoreChanges=ignore))
        assert (response.changes == response.DIFF_SOME) == bool(response.diffs)
        return Difference(frozenset(response.diffs), frozenset(response.replaces), response.deleteBeforeReplace)

    def update(self, old: Recorded, inputs: Mapping[str, Any]) -> Recorded:
        checked, failures, hidden = self.check(old.token, inputs, olds=old.inputs)
        assert not failures, failures
        response = self.stub.Update(provider_pb2.UpdateRequest(**_known(old), news=encode(checked, hidden)))
        outputs, secrets = decode(response.properties)
        return Recorded(old.token, old.id, checked, outputs, secrets)

    def refresh(self, old: Recorded) -> Recorded | None:
        """The resource as it is now, None when it is gone."""
        return self._read(old.token, old.id, encode(old.outputs, old.secrets), encode(old.inputs))

    def drift(self, old: Recorded, inputs: Mapping[str, Any]) -> frozenset[str]:
        """What a refresh finds to be other than the inputs."""
        drifted = self.refresh(old)
        assert drifted is not None
        return self.diff(drifted, inputs).changes

    def adopt(self, token: str, id: str) -> Recorded | None:
        """What an import of that id finds."""
        return self._read(token, id, None, None)

    def delete(self, old: Recorded) -> None:
        self.stub.Delete(
            provider_pb2.DeleteRequest(
                id=old.id, urn=_urn(old.token), properties=encode(old.outputs, old.secrets), old_inputs=encode(old.inputs)
            )
        )

    def end(self, old: Recorded) -> None:
        """Deletes it: it is gone then, and deleting once more is no error."""
        self.delete(old)
        assert self.refresh(old) is None
        self.delete(old)

    def _read(self, token: str, id: str, properties: Any, inputs: Any) -> Recorded | None:
        response = self.stub.Read(provider_pb2.ReadRequest(id=id, urn=_urn(token), properties=properties, inputs=inputs))
        if not response.id:
            return None
        outputs, secrets = decode(response.properties)
        return Recorded(token, response.id, decode(response.inputs)[0], outputs, secrets)


def _urn(token: str) -> str:
    return f"urn:pulumi:test::contract::{token}::tested"


def _known(old: Recorded) -> dict[str, Any]:
    """What the engine tells of a resource that there is."""
    return {
        "id": old.id,
        "urn": _urn(old.token),
        "olds": encode(old.outputs, old.secrets),
        "old_inputs": encode(old.inputs),
    }
