from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...types import Response, Unset


def _get_kwargs(
    run: UUID,
    *,
    last_event_id: str | Unset = "",
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(last_event_id, Unset):
        headers["Last-Event-ID"] = last_event_id

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/runs/{run}/events".format(
            run=quote(str(run), safe=""),
        ),
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Problem:
    if response.status_code == 200:
        response_200 = response.json()
        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Problem]:
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
    last_event_id: str | Unset = "",
) -> Response[Any | Problem]:
    """Events

     The run's steps as they change (`step`), and how it ends (`run`): server-sent events. It resumes
    after `Last-Event-ID`.

    Args:
        run (UUID):
        last_event_id (str | Unset): The last event that arrived Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        run=run,
        last_event_id=last_event_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    run: UUID,
    *,
    client: AuthenticatedClient,
    last_event_id: str | Unset = "",
) -> Any | Problem | None:
    """Events

     The run's steps as they change (`step`), and how it ends (`run`): server-sent events. It resumes
    after `Last-Event-ID`.

    Args:
        run (UUID):
        last_event_id (str | Unset): The last event that arrived Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return sync_detailed(
        run=run,
        client=client,
        last_event_id=last_event_id,
    ).parsed


async def asyncio_detailed(
    run: UUID,
    *,
    client: AuthenticatedClient,
    last_event_id: str | Unset = "",
) -> Response[Any | Problem]:
    """Events

     The run's steps as they change (`step`), and how it ends (`run`): server-sent events. It resumes
    after `Last-Event-ID`.

    Args:
        run (UUID):
        last_event_id (str | Unset): The last event that arrived Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        run=run,
        last_event_id=last_event_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    run: UUID,
    *,
    client: AuthenticatedClient,
    last_event_id: str | Unset = "",
) -> Any | Problem | None:
    """Events

     The run's steps as they change (`step`), and how it ends (`run`): server-sent events. It resumes
    after `Last-Event-ID`.

    Args:
        run (UUID):
        last_event_id (str | Unset): The last event that arrived Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return (
        await asyncio_detailed(
            run=run,
            client=client,
            last_event_id=last_event_id,
        )
    ).parsed
