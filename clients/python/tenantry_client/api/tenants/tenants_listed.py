from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.tenant_page import TenantPage
from ...models.tenants_listed_isolation_type_0 import (
    TenantsListedIsolationType0,
)
from ...models.tenants_listed_sort import TenantsListedSort
from ...models.tenants_listed_state_type_0 import (
    TenantsListedStateType0,
)
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    state: None | TenantsListedStateType0 | Unset = UNSET,
    isolation: None | TenantsListedIsolationType0 | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tier: None | str | Unset = UNSET,
    label: list[str] | Unset = UNSET,
    external_id: None | str | Unset = UNSET,
    sort: TenantsListedSort | Unset = "slug",
    fields: str | Unset = "",
    after: str | Unset = "",
    limit: int | Unset = 50,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_state: None | str | Unset
    if isinstance(state, Unset):
        json_state = UNSET
    elif isinstance(state, str):
        json_state = state
    else:
        json_state = state
    params["state"] = json_state

    json_isolation: None | str | Unset
    if isinstance(isolation, Unset):
        json_isolation = UNSET
    elif isinstance(isolation, str):
        json_isolation = isolation
    else:
        json_isolation = isolation
    params["isolation"] = json_isolation

    json_cell: None | str | Unset
    if isinstance(cell, Unset):
        json_cell = UNSET
    else:
        json_cell = cell
    params["cell"] = json_cell

    json_tier: None | str | Unset
    if isinstance(tier, Unset):
        json_tier = UNSET
    else:
        json_tier = tier
    params["tier"] = json_tier

    json_label: list[str] | Unset = UNSET
    if not isinstance(label, Unset):
        json_label = label

    params["label"] = json_label

    json_external_id: None | str | Unset
    if isinstance(external_id, Unset):
        json_external_id = UNSET
    else:
        json_external_id = external_id
    params["external_id"] = json_external_id

    json_sort: str | Unset = UNSET
    if not isinstance(sort, Unset):
        json_sort = sort

    params["sort"] = json_sort

    params["fields"] = fields

    params["after"] = after

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/tenants",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | TenantPage:
    if response.status_code == 200:
        response_200 = TenantPage.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | TenantPage]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    state: None | TenantsListedStateType0 | Unset = UNSET,
    isolation: None | TenantsListedIsolationType0 | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tier: None | str | Unset = UNSET,
    label: list[str] | Unset = UNSET,
    external_id: None | str | Unset = UNSET,
    sort: TenantsListedSort | Unset = "slug",
    fields: str | Unset = "",
    after: str | Unset = "",
    limit: int | Unset = 50,
) -> Response[Problem | TenantPage]:
    """Listed

     The tenants that there are to be seen.

    Args:
        state (None | TenantsListedStateType0 | Unset):
        isolation (None | TenantsListedIsolationType0 | Unset):
        cell (None | str | Unset):
        tier (None | str | Unset):
        label (list[str] | Unset): KEY=VALUE; of more than one, all
        external_id (None | str | Unset): The label `external_id`
        sort (TenantsListedSort | Unset):  Default: 'slug'.
        fields (str | Unset): Those that are wanted of each tenant, by commas; else all Default:
            ''.
        after (str | Unset): `after` of the page before Default: ''.
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | TenantPage]
    """

    kwargs = _get_kwargs(
        state=state,
        isolation=isolation,
        cell=cell,
        tier=tier,
        label=label,
        external_id=external_id,
        sort=sort,
        fields=fields,
        after=after,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    state: None | TenantsListedStateType0 | Unset = UNSET,
    isolation: None | TenantsListedIsolationType0 | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tier: None | str | Unset = UNSET,
    label: list[str] | Unset = UNSET,
    external_id: None | str | Unset = UNSET,
    sort: TenantsListedSort | Unset = "slug",
    fields: str | Unset = "",
    after: str | Unset = "",
    limit: int | Unset = 50,
) -> Problem | TenantPage | None:
    """Listed

     The tenants that there are to be seen.

    Args:
        state (None | TenantsListedStateType0 | Unset):
        isolation (None | TenantsListedIsolationType0 | Unset):
        cell (None | str | Unset):
        tier (None | str | Unset):
        label (list[str] | Unset): KEY=VALUE; of more than one, all
        external_id (None | str | Unset): The label `external_id`
        sort (TenantsListedSort | Unset):  Default: 'slug'.
        fields (str | Unset): Those that are wanted of each tenant, by commas; else all Default:
            ''.
        after (str | Unset): `after` of the page before Default: ''.
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | TenantPage
    """

    return sync_detailed(
        client=client,
        state=state,
        isolation=isolation,
        cell=cell,
        tier=tier,
        label=label,
        external_id=external_id,
        sort=sort,
        fields=fields,
        after=after,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    state: None | TenantsListedStateType0 | Unset = UNSET,
    isolation: None | TenantsListedIsolationType0 | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tier: None | str | Unset = UNSET,
    label: list[str] | Unset = UNSET,
    external_id: None | str | Unset = UNSET,
    sort: TenantsListedSort | Unset = "slug",
    fields: str | Unset = "",
    after: str | Unset = "",
    limit: int | Unset = 50,
) -> Response[Problem | TenantPage]:
    """Listed

     The tenants that there are to be seen.

    Args:
        state (None | TenantsListedStateType0 | Unset):
        isolation (None | TenantsListedIsolationType0 | Unset):
        cell (None | str | Unset):
        tier (None | str | Unset):
        label (list[str] | Unset): KEY=VALUE; of more than one, all
        external_id (None | str | Unset): The label `external_id`
        sort (TenantsListedSort | Unset):  Default: 'slug'.
        fields (str | Unset): Those that are wanted of each tenant, by commas; else all Default:
            ''.
        after (str | Unset): `after` of the page before Default: ''.
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | TenantPage]
    """

    kwargs = _get_kwargs(
        state=state,
        isolation=isolation,
        cell=cell,
        tier=tier,
        label=label,
        external_id=external_id,
        sort=sort,
        fields=fields,
        after=after,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    state: None | TenantsListedStateType0 | Unset = UNSET,
    isolation: None | TenantsListedIsolationType0 | Unset = UNSET,
    cell: None | str | Unset = UNSET,
    tier: None | str | Unset = UNSET,
    label: list[str] | Unset = UNSET,
    external_id: None | str | Unset = UNSET,
    sort: TenantsListedSort | Unset = "slug",
    fields: str | Unset = "",
    after: str | Unset = "",
    limit: int | Unset = 50,
) -> Problem | TenantPage | None:
    """Listed

     The tenants that there are to be seen.

    Args:
        state (None | TenantsListedStateType0 | Unset):
        isolation (None | TenantsListedIsolationType0 | Unset):
        cell (None | str | Unset):
        tier (None | str | Unset):
        label (list[str] | Unset): KEY=VALUE; of more than one, all
        external_id (None | str | Unset): The label `external_id`
        sort (TenantsListedSort | Unset):  Default: 'slug'.
        fields (str | Unset): Those that are wanted of each tenant, by commas; else all Default:
            ''.
        after (str | Unset): `after` of the page before Default: ''.
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | TenantPage
    """

    return (
        await asyncio_detailed(
            client=client,
            state=state,
            isolation=isolation,
            cell=cell,
            tier=tier,
            label=label,
            external_id=external_id,
            sort=sort,
            fields=fields,
            after=after,
            limit=limit,
        )
    ).parsed
