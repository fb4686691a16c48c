from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.asked import Asked
from ...models.problem import Problem
from ...models.undoing import Undoing
from ...types import Response


def _get_kwargs(
    run: UUID,
    *,
    body: Undoing,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/configuration/bulk/{run}/undo".format(
            run=quote(str(run), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Asked | Problem:
    if response.status_code == 202:
        response_202 = Asked.from_dict(response.json())

        return response_202

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Asked | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    run: UUID,
    *,
    client: AuthenticatedClient,
    body: Undoing,
    idempotency_key: str,
) -> Response[Asked | Problem]:
    """Undo

     Takes a change back exactly, all of it or nothing.

    Args:
        run (UUID):
        idempotency_key (str): A name of your own for this request
        body (Undoing): How a change is taken back.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Asked | Problem]
    """

    kwargs = _get_kwargs(
        run=run,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    run: UUID,
    *,
    client: AuthenticatedClient,
    body: Undoing,
    idempotency_key: str,
) -> Asked | Problem | None:
    """Undo

     Takes a change back exactly, all of it or nothing.

    Args:
        run (UUID):
        idempotency_key (str): A name of your own for this request
        body (Undoing): How a change is taken back.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Asked | Problem
    """

    return sync_detailed(
        run=run,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    run: UUID,
    *,
    client: AuthenticatedClient,
    body: Undoing,
    idempotency_key: str,
) -> Response[Asked | Problem]:
    """Undo

     Takes a change back exactly, all of it or nothing.

    Args:
        run (UUID):
        idempotency_key (str): A name of your own for this request
        body (Undoing): How a change is taken back.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Asked | Problem]
    """

    kwargs = _get_kwargs(
        run=run,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    run: UUID,
    *,
    client: AuthenticatedClient,
    body: Undoing,
    idempotency_key: str,
) -> Asked | Problem | None:
    """Undo

     Takes a change back exactly, all of it or nothing.

    Args:
        run (UUID):
        idempotency_key (str): A name of your own for this request
        body (Undoing): How a change is taken back.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Asked | Problem
    """

    return (
        await asyncio_detailed(
            run=run,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
