from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.rotations_asked import RotationsAsked
from ...models.rotations_body import RotationsBody
from ...types import Response


def _get_kwargs(
    *,
    body: RotationsBody,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/credentials/rotations",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | RotationsAsked:
    if response.status_code == 202:
        response_202 = RotationsAsked.from_dict(response.json())

        return response_202

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | RotationsAsked]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: RotationsBody,
    idempotency_key: str,
) -> Response[Problem | RotationsAsked]:
    """Rotate Many

     Renews the oldest passwords of all, whatever becomes of one.

    Args:
        idempotency_key (str): A name of your own for this request
        body (RotationsBody): Which passwords are renewed: the oldest first, and none that was
            renewed a moment ago.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RotationsAsked]
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
    body: RotationsBody,
    idempotency_key: str,
) -> Problem | RotationsAsked | None:
    """Rotate Many

     Renews the oldest passwords of all, whatever becomes of one.

    Args:
        idempotency_key (str): A name of your own for this request
        body (RotationsBody): Which passwords are renewed: the oldest first, and none that was
            renewed a moment ago.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RotationsAsked
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: RotationsBody,
    idempotency_key: str,
) -> Response[Problem | RotationsAsked]:
    """Rotate Many

     Renews the oldest passwords of all, whatever becomes of one.

    Args:
        idempotency_key (str): A name of your own for this request
        body (RotationsBody): Which passwords are renewed: the oldest first, and none that was
            renewed a moment ago.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RotationsAsked]
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
    body: RotationsBody,
    idempotency_key: str,
) -> Problem | RotationsAsked | None:
    """Rotate Many

     Renews the oldest passwords of all, whatever becomes of one.

    Args:
        idempotency_key (str): A name of your own for this request
        body (RotationsBody): Which passwords are renewed: the oldest first, and none that was
            renewed a moment ago.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RotationsAsked
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
