from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.no_body import NoBody
from ...models.problem import Problem
from ...models.user_entry import UserEntry
from ...types import Response


def _get_kwargs(
    slug: str,
    user: UUID,
    *,
    body: NoBody,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/tenants/{slug}/users/{user}/remove".format(
            slug=quote(str(slug), safe=""),
            user=quote(str(user), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | UserEntry:
    if response.status_code == 200:
        response_200 = UserEntry.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | UserEntry]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    slug: str,
    user: UUID,
    *,
    client: AuthenticatedClient,
    body: NoBody,
    idempotency_key: str,
) -> Response[Problem | UserEntry]:
    """Remove

     Removes a user, and signs him out. A tenant keeps an administrator.

    Args:
        slug (str):
        user (UUID):
        idempotency_key (str): A name of your own for this request
        body (NoBody): Nothing.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | UserEntry]
    """

    kwargs = _get_kwargs(
        slug=slug,
        user=user,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    slug: str,
    user: UUID,
    *,
    client: AuthenticatedClient,
    body: NoBody,
    idempotency_key: str,
) -> Problem | UserEntry | None:
    """Remove

     Removes a user, and signs him out. A tenant keeps an administrator.

    Args:
        slug (str):
        user (UUID):
        idempotency_key (str): A name of your own for this request
        body (NoBody): Nothing.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | UserEntry
    """

    return sync_detailed(
        slug=slug,
        user=user,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    slug: str,
    user: UUID,
    *,
    client: AuthenticatedClient,
    body: NoBody,
    idempotency_key: str,
) -> Response[Problem | UserEntry]:
    """Remove

     Removes a user, and signs him out. A tenant keeps an administrator.

    Args:
        slug (str):
        user (UUID):
        idempotency_key (str): A name of your own for this request
        body (NoBody): Nothing.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | UserEntry]
    """

    kwargs = _get_kwargs(
        slug=slug,
        user=user,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    slug: str,
    user: UUID,
    *,
    client: AuthenticatedClient,
    body: NoBody,
    idempotency_key: str,
) -> Problem | UserEntry | None:
    """Remove

     Removes a user, and signs him out. A tenant keeps an administrator.

    Args:
        slug (str):
        user (UUID):
        idempotency_key (str): A name of your own for this request
        body (NoBody): Nothing.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | UserEntry
    """

    return (
        await asyncio_detailed(
            slug=slug,
            user=user,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
