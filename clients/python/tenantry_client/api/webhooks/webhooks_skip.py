from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.no_body import NoBody
from ...models.problem import Problem
from ...models.sent import Sent
from ...types import Response


def _get_kwargs(
    webhook: UUID,
    event: UUID,
    *,
    body: NoBody,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/webhooks/{webhook}/deliveries/{event}/skip".format(
            webhook=quote(str(webhook), safe=""),
            event=quote(str(event), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | Sent:
    if response.status_code == 200:
        response_200 = Sent.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | Sent]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    webhook: UUID,
    event: UUID,
    *,
    client: AuthenticatedClient,
    body: NoBody,
    idempotency_key: str,
) -> Response[Problem | Sent]:
    """Skip

     Lets the order go on without the event that blocks it.

    Args:
        webhook (UUID):
        event (UUID):
        idempotency_key (str): A name of your own for this request
        body (NoBody): Nothing.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Sent]
    """

    kwargs = _get_kwargs(
        webhook=webhook,
        event=event,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    webhook: UUID,
    event: UUID,
    *,
    client: AuthenticatedClient,
    body: NoBody,
    idempotency_key: str,
) -> Problem | Sent | None:
    """Skip

     Lets the order go on without the event that blocks it.

    Args:
        webhook (UUID):
        event (UUID):
        idempotency_key (str): A name of your own for this request
        body (NoBody): Nothing.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Sent
    """

    return sync_detailed(
        webhook=webhook,
        event=event,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    webhook: UUID,
    event: UUID,
    *,
    client: AuthenticatedClient,
    body: NoBody,
    idempotency_key: str,
) -> Response[Problem | Sent]:
    """Skip

     Lets the order go on without the event that blocks it.

    Args:
        webhook (UUID):
        event (UUID):
        idempotency_key (str): A name of your own for this request
        body (NoBody): Nothing.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Sent]
    """

    kwargs = _get_kwargs(
        webhook=webhook,
        event=event,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    webhook: UUID,
    event: UUID,
    *,
    client: AuthenticatedClient,
    body: NoBody,
    idempotency_key: str,
) -> Problem | Sent | None:
    """Skip

     Lets the order go on without the event that blocks it.

    Args:
        webhook (UUID):
        event (UUID):
        idempotency_key (str): A name of your own for this request
        body (NoBody): Nothing.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Sent
    """

    return (
        await asyncio_detailed(
            webhook=webhook,
            event=event,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
