"""Requests that change something: each is done once, by the name that it is given, and answered alike each time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Header, Request
from fastapi.responses import JSONResponse

from tenantry.actor import Actor
from tenantry.errors import TenantryError
from tenantry.operations import api_requests
from tenantry.operations.callers import Caller
from tenantry.web import problems
from tenantry.web.problems import Refused

Name = Annotated[
    str,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", description="A name of your own for this request"
    ),
]


@dataclass(frozen=True)
class Answer:
    """What a request came to. ``location``: where what it made is. ``secret``: what the first answer says besides; it is not kept, so
    that nobody finds it in the database, and whoever asks again does not get it."""

    status: int
    body: dict[str, Any]
    location: str | None = None
    secret: Mapping[str, str] | None = None


def once(request: Request, who: Caller, name: str, body: Any, work: Callable[[Actor], Answer]) -> JSONResponse:
    """Does ``work``, or answers as it was answered before under that name. 409 while another process is at it, 422 for another body.

    What failed by a cause that passes may be asked for again under the same name.
    """
    route = f"{request.method} {request.url.path}"
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).digest()
    begun = api_requests.begin(who.holder, route, name, digest)
    if begun.how == "other":
        raise Refused(422, "request.other", "this Idempotency-Key was used for another body", "a new name for a new request")
    if begun.how == "underway":
        raise Refused(409, "request.underway", "the same request is under way", "ask again in a moment", {"Retry-After": "1"})
    if begun.how == "answered":
        return _response(Answer(begun.status or 200, begun.answer["body"], begun.answer["location"]))
    if begun.run_id is not None:  # its process ended between the run and the answer
        return _kept(begun.id, run(begun.run_id))
    try:
        return _kept(begun.id, work(who.actor(begun.id)))
    except (TenantryError, Refused) as error:
        problem = error.problem if isinstance(error, Refused) else problems.of(error)
        if problem.status < 500:
            return _kept(begun.id, Answer(problem.status, problem.model_dump()))
        api_requests.forget(begun.id)
        raise
    except BaseException:
        api_requests.forget(begun.id)
        raise


def run(run_id: Any) -> Answer:
    """The answer to a request that asked for durable work."""
    return Answer(202, {"run": str(run_id)}, f"/v1/runs/{run_id}")


def _kept(request_id: Any, answer: Answer) -> JSONResponse:
    api_requests.answer(request_id, answer.status, {"body": answer.body, "location": answer.location})
    return _response(replace(answer, body={**answer.body, **(answer.secret or {})}))


def _response(answer: Answer) -> JSONResponse:
    headers = {"Location": answer.location} if answer.location else {}
    media_type = problems.MEDIA_TYPE if answer.status >= 400 else None
    return JSONResponse(answer.body, answer.status, headers, media_type=media_type)
