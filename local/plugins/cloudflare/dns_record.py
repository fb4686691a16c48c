"""`cloudflare.DnsRecord`."""

import json
from typing import Any, ClassVar

from local.plugins.cloudflare.client import Client
from local.plugins.cloudflare.ids import zone_and_id
from local.plugins.cloudflare.wire import from_api, to_api
from local.plugins.framework import UNKNOWN, Context, Field, Props, ProviderError, ResourceType

TYPES = "A AAAA CNAME MX NS OPENPGPKEY PTR TXT CAA CERT DNSKEY DS HTTPS LOC NAPTR SMIMEA SRV SSHFP SVCB TLSA URI"
SENT = ("name", "type", "content", "ttl", "proxied", "priority", "comment", "tags", "settings", "data", "privateRouting")
COMPUTED = ("commentModifiedOn", "createdOn", "modifiedOn", "proxiable", "tagsModifiedOn")
SETTINGS = {"flattenCname": False, "ipv4Only": False, "ipv6Only": False}


class DnsRecord(ResourceType):
    """A record of a zone; its id is the record's."""

    token = "cloudflare:index/dnsRecord:DnsRecord"  # noqa: S105
    fields: ClassVar = {
        "zoneId": Field(required=True, replaces=True),
        "name": Field(required=True),
        "type": Field(required=True, replaces=True),
        "ttl": Field(float, required=True),
        "content": Field(computed=True),
        "data": Field(dict),
        "priority": Field(float),
        "proxied": Field(bool, default=False),
        "privateRouting": Field(bool),
        "comment": Field(),
        "tags": Field(list, computed=True, unordered=True),
        "settings": Field(dict, computed=True),
        "includeShadowMetadata": Field(bool),
        "meta": Field(output=True),
        "proxiable": Field(bool, output=True),
        **{name: Field(output=True) for name in COMPUTED if name != "proxiable"},
    }

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        kind, ttl = inputs.get("type"), inputs.get("ttl")
        wrong = []
        if isinstance(kind, str) and kind.upper() not in TYPES.split():
            wrong.append(("type", f"expected one of {TYPES.replace(' ', ', ')}, got {kind!r}"))
        if inputs.get("content") is not None and inputs.get("data") is not None:
            wrong.append(("content", "content conflicts with data"))
        if inputs.get("proxied") is True and ttl not in (None, UNKNOWN, 1):
            wrong.append(("ttl", "ttl must be set to 1 when `proxied` is true"))
        return wrong

    def same(self, name: str, old: Any, new: Any) -> bool:
        if name == "type" and isinstance(old, str) and isinstance(new, str):
            return old.upper() == new.upper()
        return super().same(name, old, new)

    def create(self, client: Client, new: Props, ctx: Context) -> tuple[str, Props]:
        answer = client.call("post", f"/zones/{new['zoneId']}/dns_records", _named(new), to_api(new, SENT))
        if answer is None:
            raise ProviderError(f"{_named(new)}: there is no zone {new['zoneId']}.", "Check tenantry:zoneId.")
        return answer["id"], _outputs(answer, new)

    def read(self, client: Client, id: str, state: Props, ctx: Context) -> Props | None:
        zone, identifier = zone_and_id(id, state)
        answer = client.call("get", f"/zones/{zone}/dns_records/{identifier}", f"DNS record {identifier}")
        if answer is None:
            return None
        found = from_api(answer, ("name", "type", "content", "ttl", "proxied", "priority", "comment", "data", "privateRouting"))
        found["name"] = _spelled(state.get("name"), found["name"])
        return found | _outputs(answer, state) | {"zoneId": zone, "id": identifier}

    def update(self, client: Client, id: str, old: Props, new: Props, ctx: Context) -> Props:
        answer = client.call("put", f"/zones/{new['zoneId']}/dns_records/{id}", _named(new), to_api(new, SENT))
        if answer is None:
            raise ProviderError(f"{_named(new)} is gone: {id} was deleted outside of this stack.", "Refresh the stack, then run again.")
        return _outputs(answer, new)

    def delete(self, client: Client, id: str, state: Props, ctx: Context) -> None:
        client.remove(f"/zones/{state['zoneId']}/dns_records/{id}", _named(state))


def _named(props: Props) -> str:
    return f"DNS record {props.get('type')} {props.get('name')}"


def _outputs(answer: Props, given: Props) -> Props:
    computed = from_api(answer, (*COMPUTED, "tags", "settings"))
    content = _spelled(given.get("content"), answer.get("content"))
    return computed | {
        "content": content,
        "settings": SETTINGS | (computed["settings"] or {}),
        "meta": json.dumps(answer.get("meta") or {}),
    }


def _spelled(given: Any, found: Any) -> Any:
    """The program's own spelling of a name where it means the one found: without the zone, in capitals, with a final dot."""
    if isinstance(given, str) and isinstance(found, str):
        bare = given.lower().rstrip(".")
        if bare == found.lower() or (bare and found.lower().startswith(f"{bare}.")):
            return given
    return found
