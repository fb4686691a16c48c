from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.move_plan import MovePlan
from ...models.moves_plan_to_type_0 import MovesPlanToType0
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    slug: str,
    *,
    to: MovesPlanToType0 | None | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tenantry_confirm: str | Unset = "",
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(tenantry_confirm, Unset):
        headers["Tenantry-Confirm"] = tenantry_confirm

    params: dict[str, Any] = {}

    json_to: None | str | Unset
    if isinstance(to, Unset):
        json_to = UNSET
    elif isinstance(to, str):
        json_to = to
    else:
        json_to = to
    params["to"] = json_to

    json_cell: None | str | Unset
    if isinstance(cell, Unset):
        json_cell = UNSET
    else:
        json_cell = cell
    params["cell"] = json_cell

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/tenants/{slug}/moves/plan".format(
            slug=quote(str(slug), safe=""),
        ),
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> MovePlan | Problem:
    if response.status_code == 200:
        response_200 = MovePlan.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[MovePlan | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    slug: str,
    *,
    client: AuthenticatedClient,
    to: MovesPlanToType0 | None | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tenantry_confirm: str | Unset = "",
) -> Response[MovePlan | Problem]:
    """Plan

     Where a move would take the tenant, once everything that forbids it has been looked at.

    Args:
        slug (str):
        to (MovesPlanToType0 | None | Unset):
        cell (None | str | Unset):
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[MovePlan | Problem]
    """

    kwargs = _get_kwargs(
        slug=slug,
        to=to,
        cell=cell,
        tenantry_confirm=tenantry_confirm,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    slug: str,
    *,
    client: AuthenticatedClient,
    to: MovesPlanToType0 | None | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tenantry_confirm: str | Unset = "",
) -> MovePlan | Problem | None:
    """Plan

     Where a move would take the tenant, once everything that forbids it has been looked at.

    Args:
        slug (str):
        to (MovesPlanToType0 | None | Unset):
        cell (None | str | Unset):
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        MovePlan | Problem
    """

    return sync_detailed(
        slug=slug,
        client=client,
        to=to,
        cell=cell,
        tenantry_confirm=tenantry_confirm,
    ).parsed


async def asyncio_detailed(
    slug: str,
    *,
    client: AuthenticatedClient,
    to: MovesPlanToType0 | None | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tenantry_confirm: str | Unset = "",
) -> Response[MovePlan | Problem]:
    """Plan

     Where a move would take the tenant, once everything that forbids it has been looked at.

    Args:
        slug (str):
        to (MovesPlanToType0 | None | Unset):
        cell (None | str | Unset):
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[MovePlan | Problem]
    """

    kwargs = _get_kwargs(
        slug=slug,
        to=to,
        cell=cell,
        tenantry_confirm=tenantry_confirm,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    slug: str,
    *,
    client: AuthenticatedClient,
    to: MovesPlanToType0 | None | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tenantry_confirm: str | Unset = "",
) -> MovePlan | Problem | None:
    """Plan

     Where a move would take the tenant, once everything that forbids it has been looked at.

    Args:
        slug (str):
        to (MovesPlanToType0 | None | Unset):
        cell (None | str | Unset):
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        MovePlan | Problem
    """

    return (
        await asyncio_detailed(
            slug=slug,
            client=client,
            to=to,
            cell=cell,
            tenantry_confirm=tenantry_confirm,
        )
    ).parsed
