from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.new_roll_out import NewRollOut
from ...models.problem import Problem
from ...models.roll_out_asked import RollOutAsked
from ...types import Response


def _get_kwargs(
    *,
    body: NewRollOut,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/migrations",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | RollOutAsked:
    if response.status_code == 200:
        response_200 = RollOutAsked.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = RollOutAsked.from_dict(response.json())

        return response_202

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | RollOutAsked]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: NewRollOut,
    idempotency_key: str,
) -> Response[Problem | RollOutAsked]:
    """Roll Out

     Brings the tenant tables to the newest revision: a ring first, then the rest. Stopped, it goes on
    when asked again.

    Args:
        idempotency_key (str): A name of your own for this request
        body (NewRollOut): How a roll-out goes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RollOutAsked]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: NewRollOut,
    idempotency_key: str,
) -> Problem | RollOutAsked | None:
    """Roll Out

     Brings the tenant tables to the newest revision: a ring first, then the rest. Stopped, it goes on
    when asked again.

    Args:
        idempotency_key (str): A name of your own for this request
        body (NewRollOut): How a roll-out goes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RollOutAsked
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: NewRollOut,
    idempotency_key: str,
) -> Response[Problem | RollOutAsked]:
    """Roll Out

     Brings the tenant tables to the newest revision: a ring first, then the rest. Stopped, it goes on
    when asked again.

    Args:
        idempotency_key (str): A name of your own for this request
        body (NewRollOut): How a roll-out goes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RollOutAsked]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: NewRollOut,
    idempotency_key: str,
) -> Problem | RollOutAsked | None:
    """Roll Out

     Brings the tenant tables to the newest revision: a ring first, then the rest. Stopped, it goes on
    when asked again.

    Args:
        idempotency_key (str): A name of your own for this request
        body (NewRollOut): How a roll-out goes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RollOutAsked
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
