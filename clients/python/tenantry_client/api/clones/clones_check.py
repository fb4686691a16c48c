from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.checked import Checked
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    cell: str | Unset = "main",
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["cell"] = cell

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/clones/check",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Checked | Problem:
    if response.status_code == 200:
        response_200 = Checked.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Checked | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    cell: str | Unset = "main",
) -> Response[Checked | Problem]:
    """Check

     Whether every column of the newest revision's tables is classified, and nothing else.

    Args:
        cell (str | Unset):  Default: 'main'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Checked | Problem]
    """

    kwargs = _get_kwargs(
        cell=cell,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    cell: str | Unset = "main",
) -> Checked | Problem | None:
    """Check

     Whether every column of the newest revision's tables is classified, and nothing else.

    Args:
        cell (str | Unset):  Default: 'main'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Checked | Problem
    """

    return sync_detailed(
        client=client,
        cell=cell,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    cell: str | Unset = "main",
) -> Response[Checked | Problem]:
    """Check

     Whether every column of the newest revision's tables is classified, and nothing else.

    Args:
        cell (str | Unset):  Default: 'main'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Checked | Problem]
    """

    kwargs = _get_kwargs(
        cell=cell,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    cell: str | Unset = "main",
) -> Checked | Problem | None:
    """Check

     Whether every column of the newest revision's tables is classified, and nothing else.

    Args:
        cell (str | Unset):  Default: 'main'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Checked | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            cell=cell,
        )
    ).parsed
