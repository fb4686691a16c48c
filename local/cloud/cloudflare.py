"""A Cloudflare v4 API for one machine: zones, DNS records, custom host names, fallback origin.

`python -m local.cloud.cloudflare --port P --state FILE --zone ID=NAME` serves it on 127.0.0.1; the
token that is let in is `--token` or CLOUDFLARE_API_TOKEN. `/_faults` (POST a fault's JSON,
DELETE all) makes the next requests fail or wait; it belongs to tests and stands outside `/client/v4`.
"""

import argparse
import asyncio
import hmac
import os
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from local.cloud.cloudflare_dns import DnsRecords
from local.cloud.cloudflare_envelope import ApiError, answer, checked_identifier, error, page
from local.cloud.cloudflare_hostnames import CustomHostnames
from local.cloud.cloudflare_store import Store
from local.cloud.faults import Faults

API = "/client/v4"


def application(state: Path, zones: dict[str, str], token: str | None) -> Starlette:
    """The ASGI application; `token` None lets any 40-character token in."""
    store, faults = Store(state), Faults()
    records, hostnames = DnsRecords(store, zones), CustomHostnames(store)

    def zone_of(identifier: str) -> dict[str, Any]:
        return {"id": identifier, "name": zones[identifier], "status": "active", "paused": False, "type": "full", "name_servers": []}

    async def list_zones(request: Request) -> Response:
        wanted = request.query_params.get("name")
        found = [zone_of(identifier) for identifier, name in zones.items() if wanted in (None, name)]
        return page(found, request.query_params, default=20, limit=50)

    async def get_zone(request: Request) -> Response:
        return answer(zone_of(request.path_params["zone"]))

    async def verify_token(_: Request) -> Response:
        return answer({"id": "0" * 32, "status": "active"})

    async def change_faults(request: Request) -> Response:
        if request.method == "DELETE":
            faults.clear()
        else:
            try:
                faults.add(await request.json())
            except (TypeError, ValueError) as problem:
                return JSONResponse({"error": str(problem)}, 400)
        return JSONResponse({})

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Faults first, as a network's would come, then the token, then the zone."""
        path = request.url.path
        if not path.startswith(API):
            return await call_next(request)
        if fault := faults.take(request.method, path):
            await asyncio.sleep(fault.delay)
            if fault.status:
                return error(fault.status, 10000, f"Injected fault {fault.status}", {"Retry-After": "1"} if fault.status == 429 else None)
        try:
            _check_token(request.headers.get("authorization"), token)
            parts = path.removeprefix(API).strip("/").split("/")
            if parts[0] == "zones" and len(parts) > 1 and checked_identifier(parts[1]) not in zones:
                raise ApiError(403, 9109, "Unauthorized to access requested resource")
        except ApiError as refused:
            return error(refused.status, refused.code, refused.message)
        return await call_next(request)

    async def refused(_: Request, problem: Exception) -> Response:
        return error(problem.status, problem.code, problem.message) if isinstance(problem, ApiError) else error(500, 1500, "Internal error")

    async def no_route(request: Request, _: Exception) -> Response:
        return error(404, 7000, "No route for that URI")

    async def wrong_method(request: Request, _: Exception) -> Response:
        return error(405, 10405, "Method not allowed for this authentication scheme")

    dns, saas = "/zones/{zone}/dns_records", "/zones/{zone}/custom_hostnames"
    api = [
        Route("/user/tokens/verify", verify_token),
        Route("/zones", list_zones),
        Route("/zones/{zone}", get_zone),
        *_resource(dns, "record", records, "list create get put patch delete"),
        Route(f"{saas}/fallback_origin", hostnames.get_fallback, methods=["GET"]),
        Route(f"{saas}/fallback_origin", hostnames.put_fallback, methods=["PUT"]),
        Route(f"{saas}/fallback_origin", hostnames.delete_fallback, methods=["DELETE"]),
        *_resource(saas, "hostname", hostnames, "list create get patch delete"),
    ]
    return Starlette(
        routes=[Route("/_faults", change_faults, methods=["POST", "DELETE"]), Route("/_health", health), Mount(API, routes=api)],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)],
        exception_handlers={ApiError: refused, 404: no_route, 405: wrong_method},
    )


def _resource(path: str, parameter: str, handlers: Any, verbs: str) -> list[Route]:
    methods = {"list": "GET", "create": "POST"}
    return [
        Route(path if verb in methods else f"{path}/{{{parameter}}}", getattr(handlers, verb), methods=[methods.get(verb, verb.upper())])
        for verb in verbs.split()
    ]


def _check_token(header: str | None, token: str | None) -> None:
    if header is None:
        raise ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "bearer" or len(given) != 40:
        raise ApiError(400, 6003, "Invalid request headers")
    if token is not None and not hmac.compare_digest(given.encode(), token.encode()):
        raise ApiError(403, 9109, "Invalid access token")


def main() -> None:
    import uvicorn

    parser = argparse.ArgumentParser(prog="local.cloud.cloudflare", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="the SQLite file that keeps the records")
    parser.add_argument("--zone", action="append", required=True, metavar="ID=NAME", help="a zone of the account; may be repeated")
    parser.add_argument("--token", default=os.environ.get("CLOUDFLARE_API_TOKEN"), help="the only API token that is let in")
    given = parser.parse_args()
    zones = dict(zone.split("=", 1) for zone in given.zone)
    uvicorn.run(application(given.state, zones, given.token), host="127.0.0.1", port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
