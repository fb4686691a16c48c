"""DNS records of the local Cloudflare API: `/zones/ZONE/dns_records`.

Codes and messages are those of the real API: 81044 absent, 81053/81054 a CNAME beside an address, 81058 identical, 9005-9021 bad content.
"""

import ipaddress
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from local.cloud.cloudflare_envelope import ApiError, answer, body_of, checked_identifier, page
from local.cloud.cloudflare_store import Document, Store, new_id, now

KIND = "dns_record"
TYPES = frozenset(
    {
        "A",
        "AAAA",
        "CNAME",
        "MX",
        "NS",
        "OPENPGPKEY",
        "PTR",
        "TXT",
        "CAA",
        "CERT",
        "DNSKEY",
        "DS",
        "HTTPS",
        "LOC",
        "NAPTR",
        "SMIMEA",
        "SRV",
        "SSHFP",
        "SVCB",
        "TLSA",
        "URI",
    }
)
PROXIABLE = {"A", "AAAA", "CNAME"}
LABEL = r"(?:\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*")
WRITABLE = ("name", "type", "content", "ttl", "proxied", "priority", "comment", "tags", "settings", "data", "private_routing")
FILTERED = ("name", "type", "content", "comment")


class DnsRecords:
    """The handlers of one server; `zones` maps a zone's id to its name."""

    def __init__(self, store: Store, zones: dict[str, str]) -> None:
        self.store, self.zones = store, zones

    async def list(self, request: Request) -> Response:
        zone, query = request.path_params["zone"], dict(request.query_params)
        found = [record for record in self.store.all(zone, KIND) if _matches(record, query)]
        return page(found, query, default=100, limit=5_000_000)

    async def create(self, request: Request) -> Response:
        zone = request.path_params["zone"]
        wanted = await body_of(request)
        with self.store.transaction():
            record = {"id": new_id(), "created_on": now(), **self._checked(zone, wanted)}
            self._refuse_duplicates(zone, record)
            return answer(self._write(zone, record))

    async def get(self, request: Request) -> Response:
        return answer(self._find(request))

    async def put(self, request: Request) -> Response:
        wanted = await body_of(request)
        return self._replace(request, lambda old: wanted)

    async def patch(self, request: Request) -> Response:
        wanted = await body_of(request)
        return self._replace(request, lambda old: {**{key: old[key] for key in WRITABLE if key in old}, **wanted})

    async def delete(self, request: Request) -> Response:
        record = self._find(request)
        self.store.remove(request.path_params["zone"], KIND, record["id"])
        return answer({"id": record["id"]})

    def _replace(self, request: Request, merged: Any) -> Response:
        zone = request.path_params["zone"]
        with self.store.transaction():
            old = self._find(request)
            record = {"id": old["id"], "created_on": old["created_on"], **self._checked(zone, merged(old))}
            self._refuse_duplicates(zone, record)
            return answer(self._write(zone, record))

    def _find(self, request: Request) -> Document:
        missing = ApiError(404, 81044, "Record does not exist.")
        return self.store.require(request.path_params["zone"], KIND, checked_identifier(request.path_params["record"]), missing)

    def _write(self, zone: str, record: Document) -> Document:
        record |= {"modified_on": now(), "proxiable": record["type"] in PROXIABLE, "meta": {}}
        return self.store.put(zone, KIND, record["name"], record)

    def _checked(self, zone: str, wanted: Document) -> Document:
        """The record with its defaults and its full name, or ApiError 400 that says what is wrong with it."""
        kind = str(wanted.get("type", "")).upper()
        if kind not in TYPES:
            raise ApiError(400, 1004, "DNS Validation Error: Invalid DNS record type")
        name = self._full_name(zone, str(wanted.get("name", "")))
        content = _checked_content(kind, wanted)
        proxied, ttl = bool(wanted.get("proxied") or False), wanted.get("ttl", 1)
        if proxied and kind not in PROXIABLE:
            raise ApiError(400, 9004, "This record type cannot be proxied.")
        if not isinstance(ttl, int | float) or not (ttl == 1 or 60 <= ttl <= 86400):
            raise ApiError(400, 9021, "Invalid TTL. Must be between 60 and 86,400 seconds, or 1 for Automatic.")
        record = {
            "name": name,
            "type": kind,
            "content": content,
            # A proxied record's TTL is the network's own.
            "ttl": 1 if proxied else int(ttl),
            "proxied": proxied,
            "comment": wanted.get("comment"),
            "tags": sorted(wanted.get("tags") or []),
            "settings": {key: value for key, value in (wanted.get("settings") or {}).items() if value is not None},
        }
        return record | {key: wanted[key] for key in ("priority", "data", "private_routing") if wanted.get(key) is not None}

    def _full_name(self, zone: str, name: str) -> str:
        apex = self.zones[zone]
        name = name.rstrip(".").lower()
        if name in ("@", ""):
            return apex
        full = name if name == apex or name.endswith(f".{apex}") else f"{name}.{apex}"
        if len(full) > 253 or not NAME.fullmatch(full):
            raise ApiError(400, 9000, "DNS name is invalid.")
        return full

    def _refuse_duplicates(self, zone: str, record: Document) -> None:
        for other in self.store.named(zone, KIND, record["name"]):
            if other["id"] == record["id"]:
                continue
            if (other["type"], other["content"], other.get("data")) == (record["type"], record["content"], record.get("data")):
                raise ApiError(400, 81058, "An identical record already exists.")
            if record["type"] == "CNAME" and other["type"] in PROXIABLE:
                raise ApiError(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
            if other["type"] == "CNAME" and record["type"] in PROXIABLE:
                raise ApiError(400, 81054, "A CNAME record with that host already exists.")


def _checked_content(kind: str, wanted: Document) -> str:
    content = wanted.get("content")
    if content is None and wanted.get("data"):
        return "\t".join(str(value) for value in wanted["data"].values())
    if not isinstance(content, str) or not content:
        raise ApiError(400, 9020, "Content for record is invalid.")
    if kind in ("A", "AAAA"):
        code, version = (9005, 4) if kind == "A" else (9006, 6)
        try:
            valid = ipaddress.ip_address(content).version == version
        except ValueError:
            valid = False
        if not valid:
            raise ApiError(400, code, f"Content for {kind} record must be a valid IPv{version} address.")
    if kind in ("CNAME", "MX", "NS"):
        content = content.rstrip(".").lower()
        if len(content) > 253 or not NAME.fullmatch(content):
            raise ApiError(400, 9007, f"Content for {kind} record is invalid.")
    if kind == "MX" and wanted.get("priority") is None:
        raise ApiError(400, 9010, "Priority is required for MX record.")
    return content


def _matches(record: Document, query: dict[str, str]) -> bool:
    for field in FILTERED:
        value = str(record.get(field) or "")
        exact = query.get(field, query.get(f"{field}.exact"))
        if exact is not None and value.lower() != exact.lower().rstrip("."):
            return False
        if (part := query.get(f"{field}.contains")) is not None and part.lower() not in value.lower():
            return False
        if (start := query.get(f"{field}.startswith")) is not None and not value.lower().startswith(start.lower()):
            return False
        if (end := query.get(f"{field}.endswith")) is not None and not value.lower().endswith(end.lower()):
            return False
    return "proxied" not in query or record["proxied"] == (query["proxied"].lower() == "true")
