"""`cloudflare.CustomHostname` and `cloudflare.CustomHostnameFallbackOrigin` (Cloudflare for SaaS)."""

from typing import Any, ClassVar

from local.plugins.cloudflare.client import Client
from local.plugins.cloudflare.ids import zone_and_id
from local.plugins.cloudflare.wire import from_api, to_api
from local.plugins.framework import Context, Field, Props, ProviderError, ResourceType

SENT = ("hostname", "ssl", "customOriginServer", "customOriginSni", "customMetadata")
COMPUTED = ("createdAt", "status", "verificationErrors", "ownershipVerification", "ownershipVerificationHttp")
SSL = (
    "bundleMethod",
    "certificateAuthority",
    "cloudflareBranding",
    "customCertBundle",
    "customCertificate",
    "customCsrId",
    "customKey",
    "method",
    "settings",
    "type",
    "wildcard",
)
NOT_FILLED_IN = ("settings", "wildcard")
"""Optional and not computed: the official plugin stores them where the program gives them, and from the answer once it reads; then what is
absent differs from Cloudflare's false and empty, and a program that does not give them has to ignore them."""
ORIGIN_COMPUTED = ("createdAt", "errors", "status", "updatedAt")


class CustomHostname(ResourceType):
    """A customer's host name; its id is Cloudflare's for it."""

    token = "cloudflare:index/customHostname:CustomHostname"  # noqa: S105
    fields: ClassVar = {
        "zoneId": Field(required=True, replaces=True),
        "hostname": Field(required=True, replaces=True),
        "ssl": Field(dict),
        "customOriginServer": Field(),
        "customOriginSni": Field(),
        "customMetadata": Field(dict),
        "createdAt": Field(output=True),
        "status": Field(output=True),
        "verificationErrors": Field(list, output=True),
        "ownershipVerification": Field(dict, output=True),
        "ownershipVerificationHttp": Field(dict, output=True),
    }

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        ssl = inputs.get("ssl")
        unknown = [key for key in ssl if key not in SSL and not key.startswith("__")] if isinstance(ssl, dict) else []
        return [(f"ssl.{key}", f"unknown; ssl has {', '.join(SSL)}") for key in unknown]

    def same(self, name: str, old: Any, new: Any) -> bool:
        if name == "ssl" and isinstance(old, dict) and isinstance(new, dict):
            if any((old.get(key) is None) != (new.get(key) is None) for key in NOT_FILLED_IN):
                return False
            # The certificate authority is Cloudflare's choice unless the program makes one.
            chosen = {"certificateAuthority": old.get("certificateAuthority"), "bundleMethod": "ubiquitous"}
            return super().same(name, {"bundleMethod": "ubiquitous", **old}, chosen | new)
        return super().same(name, old, new)

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        answer = client.call("post", f"/zones/{new['zoneId']}/custom_hostnames", _named(new), _body(new))
        if answer is None:
            raise ProviderError(f"{_named(new)}: there is no zone {new['zoneId']}.", "Check tenantry:zoneId.")
        return answer["id"], _as_given(_outputs(answer), new)

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        zone, identifier = zone_and_id(id, state)
        answer = client.call("get", f"/zones/{zone}/custom_hostnames/{identifier}", f"custom host name {identifier}")
        if answer is None:
            return None
        given = from_api(answer, ("hostname", "customOriginServer", "customOriginSni", "customMetadata"))
        return given | _outputs(answer) | {"zoneId": zone, "id": identifier}

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        body = _body(new)
        # An absent field would keep its value.
        body |= {api: None for name, api in _removable(old, new)}
        answer = client.call("patch", f"/zones/{new['zoneId']}/custom_hostnames/{id}", _named(new), body)
        if answer is None:
            raise ProviderError(f"{_named(new)} is gone: {id} was deleted outside of this stack.", "Refresh the stack, then run again.")
        return _as_given(_outputs(answer), new)

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        client.remove(f"/zones/{state['zoneId']}/custom_hostnames/{id}", _named(state))


class FallbackOrigin(ResourceType):
    """Where a zone's custom host names go; its id is the zone's, for a zone has one."""

    token = "cloudflare:index/customHostnameFallbackOrigin:CustomHostnameFallbackOrigin"  # noqa: S105
    fields: ClassVar = {
        "zoneId": Field(required=True, replaces=True),
        "origin": Field(required=True),
        "createdAt": Field(output=True),
        "errors": Field(list, output=True),
        "status": Field(output=True),
        "updatedAt": Field(output=True),
    }

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        return new["zoneId"], self._put(client, new)

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        answer = client.call("get", _origin_path(id), f"fallback origin of zone {id}")
        return None if answer is None else {"zoneId": id, **from_api(answer, ("origin", *ORIGIN_COMPUTED))}

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        return self._put(client, new)

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        client.remove(_origin_path(id), f"fallback origin of zone {id}")

    def _put(self, client: Client, new: Props) -> Props:
        answer = client.call("put", _origin_path(new["zoneId"]), f"fallback origin {new['origin']}", {"origin": new["origin"]})
        if answer is None:
            raise ProviderError(f"fallback origin {new['origin']}: there is no zone {new['zoneId']}.", "Check tenantry:zoneId.")
        return from_api(answer, ORIGIN_COMPUTED)


def _named(props: Props) -> str:
    return f"custom host name {props.get('hostname')}"


def _body(new: Props) -> Props:
    body = to_api(new, SENT)
    if "ssl" in body:
        body["ssl"] = {"bundle_method": "ubiquitous", **body["ssl"]}
    return body


def _removable(old: Props, new: Props) -> list[tuple[str, str]]:
    names = (
        ("customOriginServer", "custom_origin_server"),
        ("customOriginSni", "custom_origin_sni"),
        ("customMetadata", "custom_metadata"),
    )
    return [(name, api) for name, api in names if old.get(name) is not None and new.get(name) is None]


def _outputs(answer: Props) -> Props:
    certificate = from_api(answer.get("ssl") or {}, SSL)
    return from_api(answer, COMPUTED) | {"ssl": {name: value for name, value in certificate.items() if value is not None} or None}


def _as_given(outputs: Props, new: Props) -> Props:
    """What is stored of an answer to a change: what is not filled in only where it was given."""
    given = new.get("ssl") or {}
    certificate = {
        name: value for name, value in (outputs["ssl"] or {}).items() if name not in NOT_FILLED_IN or given.get(name) is not None
    }
    return outputs | {"ssl": certificate or None}


def _origin_path(zone: str) -> str:
    return f"/zones/{zone}/custom_hostnames/fallback_origin"
