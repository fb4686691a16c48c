from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.bulk_change import BulkChange
from ...models.bulk_preview import BulkPreview
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    *,
    body: BulkChange,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/configuration/bulk/preview",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> BulkPreview | Problem:
    if response.status_code == 200:
        response_200 = BulkPreview.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[BulkPreview | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: BulkChange,
    idempotency_key: str,
) -> Response[BulkPreview | Problem]:
    """Preview

     What the change would do; nothing is changed.

    Args:
        idempotency_key (str): A name of your own for this request
        body (BulkChange): A value, and which tenants get it: those that meet every condition.
            Those out of sight are never chosen.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BulkPreview | Problem]
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
    body: BulkChange,
    idempotency_key: str,
) -> BulkPreview | Problem | None:
    """Preview

     What the change would do; nothing is changed.

    Args:
        idempotency_key (str): A name of your own for this request
        body (BulkChange): A value, and which tenants get it: those that meet every condition.
            Those out of sight are never chosen.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BulkPreview | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: BulkChange,
    idempotency_key: str,
) -> Response[BulkPreview | Problem]:
    """Preview

     What the change would do; nothing is changed.

    Args:
        idempotency_key (str): A name of your own for this request
        body (BulkChange): A value, and which tenants get it: those that meet every condition.
            Those out of sight are never chosen.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BulkPreview | Problem]
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
    body: BulkChange,
    idempotency_key: str,
) -> BulkPreview | Problem | None:
    """Preview

     What the change would do; nothing is changed.

    Args:
        idempotency_key (str): A name of your own for this request
        body (BulkChange): A value, and which tenants get it: those that meet every condition.
            Those out of sight are never chosen.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BulkPreview | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
