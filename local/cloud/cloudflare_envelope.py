"""Cloudflare's v4 envelope: how every answer and every error looks."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

IDENTIFIER = re.compile(r"[0-9a-f]{32}")


class ApiError(Exception):
    """An error answer: HTTP status, Cloudflare's code and its message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def answer(result: Any, status: int = 200, **more: Any) -> JSONResponse:
    return JSONResponse({"success": True, "errors": [], "messages": [], "result": result, **more}, status)


def error(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
    return JSONResponse(body, status, headers=headers)


def page(found: list[Any], query: Mapping[str, str], default: int, limit: int) -> JSONResponse:
    """One page of a list, as `page` and `per_page` of the query ask for it."""
    try:
        number, size = int(query.get("page", 1)), int(query.get("per_page", default))
    except ValueError:
        raise ApiError(400, 6003, "Invalid request parameters") from None
    if number < 1 or not 1 <= size <= limit:
        raise ApiError(400, 6003, "Invalid request parameters")
    shown = found[(number - 1) * size : number * size]
    info = {"page": number, "per_page": size, "count": len(shown), "total_count": len(found), "total_pages": -(-len(found) // size)}
    return answer(shown, result_info=info)


async def body_of(request: Request, code: int = 9207) -> dict[str, Any]:
    """The request's JSON object. Raises ApiError 400 with the product's code where it is none."""
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, code, "Unable to decode the JSON request body. Check your input and try again.")
    return body


def checked_identifier(value: str) -> str:
    if not IDENTIFIER.fullmatch(value):
        raise ApiError(404, 7003, f"Could not route to {value}, perhaps your object identifier is invalid?")
    return value
