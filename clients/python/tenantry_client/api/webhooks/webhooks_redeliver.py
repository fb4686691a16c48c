from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.again import Again
from ...models.events_asked import EventsAsked
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    webhook: UUID,
    *,
    body: Again,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/webhooks/{webhook}/redeliver".format(
            webhook=quote(str(webhook), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> EventsAsked | Problem:
    if response.status_code == 202:
        response_202 = EventsAsked.from_dict(response.json())

        return response_202

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[EventsAsked | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    webhook: UUID,
    *,
    client: AuthenticatedClient,
    body: Again,
    idempotency_key: str,
) -> Response[EventsAsked | Problem]:
    """Redeliver

     Has events sent once more, each under its id.

    Args:
        webhook (UUID):
        idempotency_key (str): A name of your own for this request
        body (Again): What is sent once more.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EventsAsked | Problem]
    """

    kwargs = _get_kwargs(
        webhook=webhook,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    webhook: UUID,
    *,
    client: AuthenticatedClient,
    body: Again,
    idempotency_key: str,
) -> EventsAsked | Problem | None:
    """Redeliver

     Has events sent once more, each under its id.

    Args:
        webhook (UUID):
        idempotency_key (str): A name of your own for this request
        body (Again): What is sent once more.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EventsAsked | Problem
    """

    return sync_detailed(
        webhook=webhook,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    webhook: UUID,
    *,
    client: AuthenticatedClient,
    body: Again,
    idempotency_key: str,
) -> Response[EventsAsked | Problem]:
    """Redeliver

     Has events sent once more, each under its id.

    Args:
        webhook (UUID):
        idempotency_key (str): A name of your own for this request
        body (Again): What is sent once more.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EventsAsked | Problem]
    """

    kwargs = _get_kwargs(
        webhook=webhook,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    webhook: UUID,
    *,
    client: AuthenticatedClient,
    body: Again,
    idempotency_key: str,
) -> EventsAsked | Problem | None:
    """Redeliver

     Has events sent once more, each under its id.

    Args:
        webhook (UUID):
        idempotency_key (str): A name of your own for this request
        body (Again): What is sent once more.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EventsAsked | Problem
    """

    return (
        await asyncio_detailed(
            webhook=webhook,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
