"""The provider protocol (pulumirpc.ResourceProvider), answered from a ``Provider``."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from local.plugins.framework import changes
from local.plugins.framework.errors import PartialFailure, ProviderError
from local.plugins.framework.fields import Field, merged
from local.plugins.framework.provider import Provider
from local.plugins.framework.resource import Context, Props, ResourceType
from local.plugins.framework.values import decode, encode

Call = TypeVar("Call", bound=Callable[..., Any])
KINDS: Final = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def _reported(call: Call) -> Call:
    """Turn what a call raises into a gRPC error whose message a person can read."""

    @functools.wraps(call)
    def guarded(self: Servicer, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return call(self, request, context)
        except PartialFailure as failure:
            _abort_initialised(context, failure)
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:
            context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}".strip())

    return guarded  # type: ignore[return-value]  # the type variable stands for the method that it wraps


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One engine's plugin process: configured once, then called by many threads."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.client: Any = None

    # -- the plugin -------------------------------------------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        # Every call is bounded and ends in a known state, so the engine is left to wait for those under way.
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self.provider.version)

    def GetSchema(self, request: Any, context: Any) -> provider_pb2.GetSchemaResponse:
        schema = {
            "name": self.provider.name,
            "version": self.provider.version,
            "resources": {each.token: {} for each in self.provider.types},
        }
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    # -- its configuration ------------------------------------------------------------------------------------------------------

    @_reported
    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        news, secrets = decode(request.news)
        _, failures = _configuration(self.provider.config, news)
        return provider_pb2.CheckResponse(inputs=encode(news, secrets), failures=_failures(failures))

    @_reported
    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        olds, _ = decode(request.old_inputs if request.old_inputs.fields else request.olds)
        news, _ = decode(request.news)
        names = [name for name in self.provider.config if olds.get(name) != news.get(name)]
        # Another address or password is the same provider: what it manages stays.
        return _diff({name: ("update", False) for name in names})

    @_reported
    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        given, _ = decode(request.args)
        given = given or {name.rsplit(":", 1)[-1]: value for name, value in request.variables.items()}
        config, failures = _configuration(self.provider.config, given)
        if failures:
            raise ProviderError("; ".join(f"{self.provider.name}:{name}: {reason}" for name, reason in failures))
        self.client = self.provider.configure(config)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # -- resources and functions ------------------------------------------------------------------------------------------------

    @_reported
    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        resource = self._resource(request.urn)
        olds, _ = decode(request.olds)
        news, secrets = decode(request.news)
        name = request.urn.rsplit("::", 1)[-1]
        inputs, failures = changes.checked(resource, name, olds, news, request.randomSeed)
        return provider_pb2.CheckResponse(inputs=encode(inputs, secrets), failures=_failures(failures))

    @_reported
    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        resource = self._resource(request.urn)
        state, _ = decode(request.olds)
        news, _ = decode(request.news)
        changed = changes.differences(resource, state, news, frozenset(request.ignoreChanges))
        replaces = any(replace for _, replace in changed.values())
        first = replaces and changes.keeps_name(resource, state, news)
        return _diff(changed, delete_first=first)

    @_reported
    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        resource = self._resource(request.urn)
        news, secrets = decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_outputs(resource, changes.previewed(resource, {}, news), secrets))
        inputs = changes.known(resource, news)
        id, result = resource.create(self._client(), inputs, Context(request.urn, request.timeout))
        return provider_pb2.CreateResponse(id=id, properties=_outputs(resource, inputs | result | {"id": id}, secrets))

    @_reported
    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        resource = self._resource(request.urn)
        state, state_secrets = decode(request.properties)
        inputs, input_secrets = decode(request.inputs)
        result = resource.read(self._client(), request.id, state, Context(request.urn, request.timeout))
        if result is None:
            return provider_pb2.ReadResponse()
        id = result.get("id", request.id)
        outputs = state | result | {"id": id}
        return provider_pb2.ReadResponse(
            id=id,
            properties=_outputs(resource, outputs, state_secrets | input_secrets),
            inputs=encode(changes.inputs_of(resource, outputs, inputs), input_secrets | _declared_secret(resource)),
        )

    @_reported
    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        resource = self._resource(request.urn)
        state, _ = decode(request.olds)
        news, secrets = decode(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_outputs(resource, changes.previewed(resource, state, news), secrets))
        new = merged(resource.fields, state, changes.known(resource, news))
        result = resource.update(self._client(), request.id, state, new, Context(request.urn, request.timeout))
        return provider_pb2.UpdateResponse(properties=_outputs(resource, {"id": request.id} | new | result, secrets))

    @_reported
    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:
        resource = self._resource(request.urn)
        state, _ = decode(request.properties)
        resource.delete(self._client(), request.id, state, Context(request.urn, request.timeout))
        return empty_pb2.Empty()

    @_reported
    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:
        function = self.provider.invokes.get(request.tok)
        if function is None:
            raise ProviderError(
                f"The stand-in for {self.provider.name} has no function {request.tok}.", f"It has {', '.join(self.provider.invokes)}."
            )
        arguments, secrets = decode(request.args)
        result = function(self._client(), arguments)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(result, secrets & result.keys()))
        return response

    def _resource(self, urn: str) -> ResourceType:
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        resource = self.provider.type(token)
        if resource is None:
            served = ", ".join(each.token for each in self.provider.types)
            raise ProviderError(
                f"The stand-in for {self.provider.name} does not serve {token}.",
                f"It serves {served}; use the official plugin for the others.",
            )
        return resource

    def _client(self) -> Any:
        if self.client is None:
            raise ProviderError(f"The provider {self.provider.name} is not configured yet.")
        return self.client


def _configuration(fields: Mapping[str, Field], given: Mapping[str, Any]) -> tuple[Props, changes.Failures]:
    """The provider's inputs in their types (explicit providers send all but text as JSON), and what is wrong with them."""
    config: Props = {}
    failures: changes.Failures = []
    for name, spec in fields.items():
        try:
            value = spec.coerce(given.get(name))
        except ValueError as error:
            failures.append((name, str(error)))
            continue
        config[name] = spec.default if value is None else value
    return config, failures


def _outputs(resource: ResourceType, outputs: Props, secrets: frozenset[str]) -> Any:
    """As the official plugins record them: sets of texts in alphabetical order."""
    ordered = {
        name: sorted(value) if name in resource.fields and resource.fields[name].unordered and _texts(value) else value
        for name, value in outputs.items()
    }
    return encode(ordered, secrets | _declared_secret(resource))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _declared_secret(resource: ResourceType) -> frozenset[str]:
    return frozenset(name for name, spec in resource.fields.items() if spec.secret)


def _failures(failures: changes.Failures) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in failures]


def _diff(changed: Mapping[str, tuple[str, bool]], delete_first: bool = False) -> provider_pb2.DiffResponse:
    response = provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if changed else response.DIFF_NONE,
        diffs=list(changed),
        replaces=[name for name, (_, replaces) in changed.items() if replaces],
        detailedDiff={name: provider_pb2.PropertyDiff(kind=KINDS[kind]) for name, kind in changed.items()},
        hasDetailedDiff=True,
        deleteBeforeReplace=delete_first,
    )


def _abort_initialised(context: grpc.ServicerContext, failure: PartialFailure) -> None:
    detail = any_pb2.Any()
    detail.Pack(provider_pb2.ErrorResourceInitFailed(id=failure.id, properties=encode(failure.outputs), reasons=[str(failure)]))
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure), details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(failure))
