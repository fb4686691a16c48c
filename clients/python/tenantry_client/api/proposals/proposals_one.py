from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.proposal import Proposal
from ...types import Response


def _get_kwargs(
    proposal: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/proposals/{proposal}".format(
            proposal=quote(str(proposal), safe=""),
        ),
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | Proposal:
    if response.status_code == 200:
        response_200 = Proposal.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | Proposal]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    proposal: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[Problem | Proposal]:
    """One

     One proposal: `pending`, `proposed` (with a link), `merged`, `run`, `done`, `failed` or `rejected`.

    Args:
        proposal (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Proposal]
    """

    kwargs = _get_kwargs(
        proposal=proposal,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    proposal: UUID,
    *,
    client: AuthenticatedClient,
) -> Problem | Proposal | None:
    """One

     One proposal: `pending`, `proposed` (with a link), `merged`, `run`, `done`, `failed` or `rejected`.

    Args:
        proposal (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Proposal
    """

    return sync_detailed(
        proposal=proposal,
        client=client,
    ).parsed


async def asyncio_detailed(
    proposal: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[Problem | Proposal]:
    """One

     One proposal: `pending`, `proposed` (with a link), `merged`, `run`, `done`, `failed` or `rejected`.

    Args:
        proposal (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Proposal]
    """

    kwargs = _get_kwargs(
        proposal=proposal,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    proposal: UUID,
    *,
    client: AuthenticatedClient,
) -> Problem | Proposal | None:
    """One

     One proposal: `pending`, `proposed` (with a link), `merged`, `run`, `done`, `failed` or `rejected`.

    Args:
        proposal (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Proposal
    """

    return (
        await asyncio_detailed(
            proposal=proposal,
            client=client,
        )
    ).parsed
