from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.sent import Sent
from ...models.webhooks_deliveries_state_type_0 import (
    WebhooksDeliveriesStateType0,
)
from ...types import UNSET, Response, Unset


def _get_kwargs(
    webhook: UUID,
    *,
    state: None | Unset | WebhooksDeliveriesStateType0 = UNSET,
    limit: int | Unset = 50,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_state: None | str | Unset
    if isinstance(state, Unset):
        json_state = UNSET
    elif isinstance(state, str):
        json_state = state
    else:
        json_state = state
    params["state"] = json_state

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/webhooks/{webhook}/deliveries".format(
            webhook=quote(str(webhook), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | list[Sent]:
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = Sent.from_dict(response_200_item_data)

            response_200.append(response_200_item)

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | list[Sent]]:
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
    state: None | Unset | WebhooksDeliveriesStateType0 = UNSET,
    limit: int | Unset = 50,
) -> Response[Problem | list[Sent]]:
    """Deliveries

     What was sent to it and what waits, the newest first.

    Args:
        webhook (UUID):
        state (None | Unset | WebhooksDeliveriesStateType0):
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | list[Sent]]
    """

    kwargs = _get_kwargs(
        webhook=webhook,
        state=state,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    webhook: UUID,
    *,
    client: AuthenticatedClient,
    state: None | Unset | WebhooksDeliveriesStateType0 = UNSET,
    limit: int | Unset = 50,
) -> Problem | list[Sent] | None:
    """Deliveries

     What was sent to it and what waits, the newest first.

    Args:
        webhook (UUID):
        state (None | Unset | WebhooksDeliveriesStateType0):
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | list[Sent]
    """

    return sync_detailed(
        webhook=webhook,
        client=client,
        state=state,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    webhook: UUID,
    *,
    client: AuthenticatedClient,
    state: None | Unset | WebhooksDeliveriesStateType0 = UNSET,
    limit: int | Unset = 50,
) -> Response[Problem | list[Sent]]:
    """Deliveries

     What was sent to it and what waits, the newest first.

    Args:
        webhook (UUID):
        state (None | Unset | WebhooksDeliveriesStateType0):
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | list[Sent]]
    """

    kwargs = _get_kwargs(
        webhook=webhook,
        state=state,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    webhook: UUID,
    *,
    client: AuthenticatedClient,
    state: None | Unset | WebhooksDeliveriesStateType0 = UNSET,
    limit: int | Unset = 50,
) -> Problem | list[Sent] | None:
    """Deliveries

     What was sent to it and what waits, the newest first.

    Args:
        webhook (UUID):
        state (None | Unset | WebhooksDeliveriesStateType0):
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | list[Sent]
    """

    return (
        await asyncio_detailed(
            webhook=webhook,
            client=client,
            state=state,
            limit=limit,
        )
    ).parsed
