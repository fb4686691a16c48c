from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.new_portal_link import NewPortalLink
from ...models.portal_link import PortalLink
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    slug: str,
    *,
    body: NewPortalLink,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/tenants/{slug}/portal-links".format(
            slug=quote(str(slug), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> PortalLink | Problem:
    if response.status_code == 201:
        response_201 = PortalLink.from_dict(response.json())

        return response_201

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[PortalLink | Problem]:
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
    body: NewPortalLink,
    idempotency_key: str,
) -> Response[PortalLink | Problem]:
    """Make

     Makes a link that opens one page of the tenant's, once, within ten minutes. The key must be for what
    the page does, too.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        body (NewPortalLink): Which page, and where its way back leads.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PortalLink | Problem]
    """

    kwargs = _get_kwargs(
        slug=slug,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    slug: str,
    *,
    client: AuthenticatedClient,
    body: NewPortalLink,
    idempotency_key: str,
) -> PortalLink | Problem | None:
    """Make

     Makes a link that opens one page of the tenant's, once, within ten minutes. The key must be for what
    the page does, too.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        body (NewPortalLink): Which page, and where its way back leads.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PortalLink | Problem
    """

    return sync_detailed(
        slug=slug,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    slug: str,
    *,
    client: AuthenticatedClient,
    body: NewPortalLink,
    idempotency_key: str,
) -> Response[PortalLink | Problem]:
    """Make

     Makes a link that opens one page of the tenant's, once, within ten minutes. The key must be for what
    the page does, too.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        body (NewPortalLink): Which page, and where its way back leads.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[PortalLink | Problem]
    """

    kwargs = _get_kwargs(
        slug=slug,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    slug: str,
    *,
    client: AuthenticatedClient,
    body: NewPortalLink,
    idempotency_key: str,
) -> PortalLink | Problem | None:
    """Make

     Makes a link that opens one page of the tenant's, once, within ten minutes. The key must be for what
    the page does, too.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        body (NewPortalLink): Which page, and where its way back leads.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        PortalLink | Problem
    """

    return (
        await asyncio_detailed(
            slug=slug,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
