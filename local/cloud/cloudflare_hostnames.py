"""Custom host names of the local Cloudflare API (Cloudflare for SaaS): `/zones/ZONE/custom_hostnames`.

Codes and messages follow Cloudflare's table "Status codes - Custom hostnames". 1409 and 1411, which forbid the domains reserved for
documentation, are left out: examples and tests use nothing else.
"""

import ipaddress
import re
import secrets
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from local.cloud.cloudflare_envelope import ApiError, answer, body_of, checked_identifier, page
from local.cloud.cloudflare_store import Document, Store, new_id, now

KIND, FALLBACK = "custom_hostname", "fallback_origin"
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOSTNAME = re.compile(rf"(?:\*\.)?{LABEL}(?:\.{LABEL})+")


class CustomHostnames:
    """The handlers of one server."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def list(self, request: Request) -> Response:
        query = dict(request.query_params)
        found = self.store.all(request.path_params["zone"], KIND)
        if wanted := query.get("hostname", query.get("hostname.exact")):
            found = [entry for entry in found if entry["hostname"] == wanted.lower()]
        if part := query.get("hostname.contain", query.get("hostname.contains")):
            found = [entry for entry in found if part.lower() in entry["hostname"]]
        if wanted := query.get("id"):
            found = [entry for entry in found if entry["id"] == wanted]
        return page(found, query, default=20, limit=1000)

    async def create(self, request: Request) -> Response:
        zone, wanted = request.path_params["zone"], await body_of(request, 1400)
        hostname = _checked_hostname(wanted.get("hostname"))
        with self.store.transaction():
            if self.store.named(zone, KIND, hostname):
                raise ApiError(409, 1406, "Duplicate custom hostname found.")
            entry: Document = {
                "id": new_id(),
                "hostname": hostname,
                "status": "pending",
                "verification_errors": ["custom hostname does not CNAME to this zone."],
                "ownership_verification": {"type": "txt", "name": f"_cf-custom-hostname.{hostname}", "value": str(uuid.uuid4())},
                "created_at": now(),
            }
            token = entry["ownership_verification"]["value"]
            url = f"http://{hostname}/.well-known/cf-custom-hostname-challenge/{entry['id']}"
            entry["ownership_verification_http"] = {"http_url": url, "http_body": token}
            self._change(entry, wanted)
            return answer(self.store.put(zone, KIND, hostname, entry), 201)

    async def get(self, request: Request) -> Response:
        return answer(self._find(request))

    async def patch(self, request: Request) -> Response:
        wanted = await body_of(request, 1400)
        with self.store.transaction():
            entry = self._find(request)
            self._change(entry, wanted)
            return answer(self.store.put(request.path_params["zone"], KIND, entry["hostname"], entry), 202)

    async def delete(self, request: Request) -> Response:
        entry = self._find(request)
        self.store.remove(request.path_params["zone"], KIND, entry["id"])
        # The one answer of this API whose id stands outside `result`; clients look in either place.
        return answer({"id": entry["id"]}, id=entry["id"])

    async def get_fallback(self, request: Request) -> Response:
        return answer(self._fallback(request))

    async def put_fallback(self, request: Request) -> Response:
        zone, wanted = request.path_params["zone"], await body_of(request, 1400)
        origin = str(wanted.get("origin") or "").lower()
        if not HOSTNAME.fullmatch(origin) or origin.startswith("*"):
            raise ApiError(400, 1415, "Invalid custom origin hostname.")
        with self.store.transaction():
            created = (self.store.get(zone, FALLBACK, FALLBACK) or {}).get("created_at", now())
            entry = {"id": FALLBACK, "origin": origin, "status": "active", "errors": [], "created_at": created, "updated_at": now()}
            self.store.put(zone, FALLBACK, FALLBACK, entry)
        return answer(_without_id(entry))

    async def delete_fallback(self, request: Request) -> Response:
        entry = self._fallback(request)
        self.store.remove(request.path_params["zone"], FALLBACK, FALLBACK)
        return answer({**entry, "status": "pending_deletion"})

    def _fallback(self, request: Request) -> Document:
        missing = ApiError(404, 1551, "Resource not found")
        return _without_id(self.store.require(request.path_params["zone"], FALLBACK, FALLBACK, missing))

    def _find(self, request: Request) -> Document:
        missing = ApiError(404, 1436, "The custom hostname was not found.")
        return self.store.require(request.path_params["zone"], KIND, checked_identifier(request.path_params["hostname"]), missing)

    def _change(self, entry: Document, wanted: Document) -> None:
        for field in ("custom_metadata", "custom_origin_server", "custom_origin_sni"):
            if field in wanted:
                entry[field] = wanted[field]
        if isinstance(wanted.get("ssl"), dict):
            entry["ssl"] = _certificate(entry["hostname"], entry.get("ssl"), wanted["ssl"])
        elif "ssl" in wanted and wanted["ssl"] is not None:
            raise ApiError(400, 1434, "The SSL attribute is invalid. Refer to the API documentation, check your input and try again.")


def _certificate(hostname: str, old: Document | None, wanted: Document) -> Document:
    """The `ssl` object of a request for a certificate; validation starts anew only when its method changes."""
    method, kind = wanted.get("method", (old or {}).get("method")), wanted.get("type", (old or {}).get("type"))
    if method is None or kind is None:
        raise ApiError(400, 1440, "Both validation type and validation method are required. Check your input and try again.")
    if method not in ("http", "txt", "email"):
        raise ApiError(400, 1432, "The validation method is not supported. Only http, email, or txt are accepted.")
    if kind != "dv":
        raise ApiError(400, 1433, "The validation type is not supported. Only 'dv' is accepted. Check your input and try again.")
    bundle = wanted.get("bundle_method") or "ubiquitous"
    if bundle not in ("ubiquitous", "optimal", "force"):
        raise ApiError(400, 1449, "The request input bundle_method must be one of: ubiquitous, optimal, force.")
    kept = old if old and old["method"] == method else _validation(hostname, method)
    chosen = {key: value for key, value in wanted.items() if value is not None}
    return {
        "certificate_authority": "google",
        "wildcard": False,
        "settings": {},
        **kept,
        **chosen,
        "method": method,
        "type": kind,
        "bundle_method": bundle,
    }


def _validation(hostname: str, method: str) -> Document:
    token, base = secrets.token_urlsafe(32), hostname.removeprefix("*.")
    delegation = f"{base}.{secrets.token_hex(8)}.dcv.cloudflare.com"
    records: dict[str, Any] = {
        "txt": {"txt_name": f"_acme-challenge.{base}", "txt_value": token},
        "http": {"http_url": f"http://{base}/.well-known/acme-challenge/{token}", "http_body": token},
        "email": {"emails": [f"{user}@{base}" for user in ("administrator", "hostmaster", "postmaster")]},
    }
    return {
        "id": str(uuid.uuid4()),
        "status": "pending_validation",
        "validation_records": [{"status": "pending", **records[method]}],
        "dcv_delegation_records": [{"cname": f"_acme-challenge.{base}", "cname_target": delegation}],
    }


def _checked_hostname(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 255:
        raise ApiError(400, 1407, "Invalid custom hostname. Custom hostnames have to be smaller than 256 characters in length.")
    if not value.isascii():
        raise ApiError(400, 1408, "Custom hostnames with non-ASCII characters are not supported. Check your input and try again.")
    hostname = value.lower().rstrip(".")
    try:
        ipaddress.ip_address(hostname)
        address = True
    except ValueError:
        address = False
    if address or not HOSTNAME.fullmatch(hostname):
        raise ApiError(400, 1407, "Invalid custom hostname. It cannot be an IP address and cannot contain any special characters.")
    return hostname


def _without_id(entry: Document) -> Document:
    return {key: value for key, value in entry.items() if key != "id"}
