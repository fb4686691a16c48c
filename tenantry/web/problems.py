"""Errors as the API says them: RFC 9457 problems, whose ``code`` is that of the command line (docs/operations.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tenantry import console
from tenantry.errors import InputError, TenantryError, TooMany, TransientError
from tenantry.escape import escaped
from tenantry.operations import api_requests
from tenantry.problems import DeclarationErrors

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = 5
"""Seconds after which whoever asks comes again, where a cause passes by itself."""

_CODES: Final[Mapping[int, str]] = {
    401: "session.ended",
    403: "email.foreign email.unverified passkey.refused password.wrong sso.foreign sso.refused sso.unknown",
    404: (
        "admin.unknown backup.unknown configuration.unknown declaration.missing deletion.unknown delivery.unknown "
        "email.unknown invitation.unknown key.unknown link.unknown move.none proposal.unknown restore.none run.unknown sso.none "
        "task.unknown tenant.unknown passkey.unknown user.unknown webhook.unknown"
    ),
    409: (
        "credentials.none credentials.recent declaration.older declaration.refused declaration.unaware delivery.settled "
        "domain.taken key.excess limit.users move.underway name.quarantined "
        "name.taken passkey.excess proposal.open restore.underway run.cancelled run.settled stack.busy store.shut tenant.busy "
        "tenant.exists tenant.held tenant.offboarded tenant.state tenant.suspended user.exists user.last "
        "webhook.disabled webhook.excess webhook.rotating"
    ),
    410: "invitation.expired invitation.revoked invitation.used tenant.deleted",
    429: "limit.attempts limit.mail",
    503: "declarations.unusable lock.taken platform.absent platform.older platform.unreachable program.older",
}
_STATUS: Final = {code: status for status, codes in _CODES.items() for code in codes.split()}
"""What is not here is 422 where the input is wrong, 503 where the cause passes by itself, else 500."""

UNUSABLE: Final = TransientError(
    "the platform's declarations cannot be used now", "its engineers are told why: tenantry doctor", code="declarations.unusable"
)


class Problem(BaseModel):
    """What went wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    """The same to a program; docs/operations.md says what each means."""
    hint: str = ""
    """What to do next."""


class Refused(Exception):
    """A request that is answered with a problem of its own status."""

    def __init__(self, status: int, code: str, detail: str, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, hint=hint)
        self.headers = dict(headers or {})


def of(error: TenantryError) -> Problem:
    """The problem that an error is to whoever asks. What is wrong with the platform's declarations is its engineers' to know: the words
    are of paths, and of other partners' files."""
    if isinstance(error, DeclarationErrors) or error.code == UNUSABLE.code:
        console.complain(error)
        error = UNUSABLE
    status = _STATUS.get(error.code) or (503 if isinstance(error, TransientError) else 422 if isinstance(error, InputError) else 500)
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=escaped(error.message), code=error.code, hint=escaped(error.hint))


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response."""
    more = {"Retry-After": str(RETRY_AFTER)} if problem.status == 503 else {}
    return JSONResponse(problem.model_dump(), problem.status, {**more, **(headers or {})}, media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for its description."""
    return {
        status: {"model": Problem, "content": {MEDIA_TYPE: {}}, "description": HTTPStatus(status).phrase}
        for status in (400, 401, 403, 404, 409, 415, 422, 429, 503, *statuses)
    }


def install(app: FastAPI) -> None:
    """Lets every error of ``app`` be a problem."""

    @app.exception_handler(TenantryError)
    def _of_ours(request: Request, error: TenantryError) -> JSONResponse:
        later = {"Retry-After": str(math.ceil(error.seconds))} if isinstance(error, TooMany) else {}
        return answer(of(error), later)

    @app.exception_handler(Refused)
    def _refused(request: Request, error: Refused) -> JSONResponse:
        return answer(error.problem, error.headers)

    @app.exception_handler(api_requests.DatabaseError)
    def _broken(request: Request, error: api_requests.DatabaseError) -> JSONResponse:
        if not api_requests.passes(error):
            raise error
        return answer(of(TransientError("PostgreSQL broke off what was asked", "ask again in a moment", code="platform.unreachable")))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return answer(
            Problem(title="Unprocessable Content", status=422, detail=escaped(f"{place}: {first['msg']}")[:500], code="input.invalid")
        )

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            # Starlette says the methods of the first route of the path alone.
            headers["Allow"] = ", ".join(sorted(_methods(app, request)))
        code = {404: "route.unknown", 405: "route.method"}.get(error.status_code, "input.invalid")
        title = HTTPStatus(error.status_code).phrase
        return answer(Problem(title=title, status=error.status_code, detail=escaped(str(error.detail)), code=code), headers)


def _methods(app: FastAPI, request: Request) -> set[str]:
    found: set[str] = set()
    for route in app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return found
