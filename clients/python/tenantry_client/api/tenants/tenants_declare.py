from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.new_tenant_body import NewTenantBody
from ...models.problem import Problem
from ...models.proposal import Proposal
from ...models.tenant import Tenant
from ...types import Response


def _get_kwargs(
    *,
    body: NewTenantBody,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/tenants",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | Proposal | Tenant:
    if response.status_code == 201:
        response_201 = Tenant.from_dict(response.json())

        return response_201

    if response.status_code == 202:
        response_202 = Proposal.from_dict(response.json())

        return response_202

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | Proposal | Tenant]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: NewTenantBody,
    idempotency_key: str,
) -> Response[Problem | Proposal | Tenant]:
    """Declare

     Declares a tenant: writes its file. `provision` makes it. Where changes are proposed on a forge
    (202), its run follows the merge.

    Args:
        idempotency_key (str): A name of your own for this request
        body (NewTenantBody): A new tenant: its slug, and what its file says
            (docs/declaration.md), in JSON.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Proposal | Tenant]
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
    body: NewTenantBody,
    idempotency_key: str,
) -> Problem | Proposal | Tenant | None:
    """Declare

     Declares a tenant: writes its file. `provision` makes it. Where changes are proposed on a forge
    (202), its run follows the merge.

    Args:
        idempotency_key (str): A name of your own for this request
        body (NewTenantBody): A new tenant: its slug, and what its file says
            (docs/declaration.md), in JSON.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Proposal | Tenant
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: NewTenantBody,
    idempotency_key: str,
) -> Response[Problem | Proposal | Tenant]:
    """Declare

     Declares a tenant: writes its file. `provision` makes it. Where changes are proposed on a forge
    (202), its run follows the merge.

    Args:
        idempotency_key (str): A name of your own for this request
        body (NewTenantBody): A new tenant: its slug, and what its file says
            (docs/declaration.md), in JSON.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Proposal | Tenant]
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
    body: NewTenantBody,
    idempotency_key: str,
) -> Problem | Proposal | Tenant | None:
    """Declare

     Declares a tenant: writes its file. `provision` makes it. Where changes are proposed on a forge
    (202), its run follows the merge.

    Args:
        idempotency_key (str): A name of your own for this request
        body (NewTenantBody): A new tenant: its slug, and what its file says
            (docs/declaration.md), in JSON.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Proposal | Tenant
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
