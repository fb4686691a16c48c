from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.deletion_record import DeletionRecord
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    record: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/deletions/{record}".format(
            record=quote(str(record), safe=""),
        ),
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> DeletionRecord | Problem:
    if response.status_code == 200:
        response_200 = DeletionRecord.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[DeletionRecord | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    record: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[DeletionRecord | Problem]:
    """Record

     The signed record of a deletion, by its id: that of its run.

    Args:
        record (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeletionRecord | Problem]
    """

    kwargs = _get_kwargs(
        record=record,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    record: UUID,
    *,
    client: AuthenticatedClient,
) -> DeletionRecord | Problem | None:
    """Record

     The signed record of a deletion, by its id: that of its run.

    Args:
        record (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeletionRecord | Problem
    """

    return sync_detailed(
        record=record,
        client=client,
    ).parsed


async def asyncio_detailed(
    record: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[DeletionRecord | Problem]:
    """Record

     The signed record of a deletion, by its id: that of its run.

    Args:
        record (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeletionRecord | Problem]
    """

    kwargs = _get_kwargs(
        record=record,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    record: UUID,
    *,
    client: AuthenticatedClient,
) -> DeletionRecord | Problem | None:
    """Record

     The signed record of a deletion, by its id: that of its run.

    Args:
        record (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeletionRecord | Problem
    """

    return (
        await asyncio_detailed(
            record=record,
            client=client,
        )
    ).parsed
