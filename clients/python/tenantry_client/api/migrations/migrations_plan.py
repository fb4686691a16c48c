from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.roll_out_plan import RollOutPlan
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    slugs: list[str] | Unset = UNSET,
    ring: str | Unset = "canary",
    canary: int | None | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_slugs: list[str] | Unset = UNSET
    if not isinstance(slugs, Unset):
        json_slugs = slugs

    params["slugs"] = json_slugs

    params["ring"] = ring

    json_canary: int | None | Unset
    if isinstance(canary, Unset):
        json_canary = UNSET
    else:
        json_canary = canary
    params["canary"] = json_canary

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/migrations/plan",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | RollOutPlan:
    if response.status_code == 200:
        response_200 = RollOutPlan.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | RollOutPlan]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    slugs: list[str] | Unset = UNSET,
    ring: str | Unset = "canary",
    canary: int | None | Unset = UNSET,
) -> Response[Problem | RollOutPlan]:
    """Plan

     Who would be migrated, from where to where.

    Args:
        slugs (list[str] | Unset):
        ring (str | Unset): The tenants with this label `ring` go first Default: 'canary'.
        canary (int | None | Unset): So many tenants go first, drawn for the revision, in place of
            the ring

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RollOutPlan]
    """

    kwargs = _get_kwargs(
        slugs=slugs,
        ring=ring,
        canary=canary,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    slugs: list[str] | Unset = UNSET,
    ring: str | Unset = "canary",
    canary: int | None | Unset = UNSET,
) -> Problem | RollOutPlan | None:
    """Plan

     Who would be migrated, from where to where.

    Args:
        slugs (list[str] | Unset):
        ring (str | Unset): The tenants with this label `ring` go first Default: 'canary'.
        canary (int | None | Unset): So many tenants go first, drawn for the revision, in place of
            the ring

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RollOutPlan
    """

    return sync_detailed(
        client=client,
        slugs=slugs,
        ring=ring,
        canary=canary,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    slugs: list[str] | Unset = UNSET,
    ring: str | Unset = "canary",
    canary: int | None | Unset = UNSET,
) -> Response[Problem | RollOutPlan]:
    """Plan

     Who would be migrated, from where to where.

    Args:
        slugs (list[str] | Unset):
        ring (str | Unset): The tenants with this label `ring` go first Default: 'canary'.
        canary (int | None | Unset): So many tenants go first, drawn for the revision, in place of
            the ring

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RollOutPlan]
    """

    kwargs = _get_kwargs(
        slugs=slugs,
        ring=ring,
        canary=canary,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    slugs: list[str] | Unset = UNSET,
    ring: str | Unset = "canary",
    canary: int | None | Unset = UNSET,
) -> Problem | RollOutPlan | None:
    """Plan

     Who would be migrated, from where to where.

    Args:
        slugs (list[str] | Unset):
        ring (str | Unset): The tenants with this label `ring` go first Default: 'canary'.
        canary (int | None | Unset): So many tenants go first, drawn for the revision, in place of
            the ring

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RollOutPlan
    """

    return (
        await asyncio_detailed(
            client=client,
            slugs=slugs,
            ring=ring,
            canary=canary,
        )
    ).parsed
