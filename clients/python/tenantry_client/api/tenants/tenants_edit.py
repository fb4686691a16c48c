from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.declaration import Declaration
from ...models.problem import Problem
from ...models.tenants_edit_body import TenantsEditBody
from ...types import UNSET, Response, Unset


def _get_kwargs(
    slug: str,
    *,
    body: TenantsEditBody,
    if_match: None | str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/v1/tenants/{slug}/declaration".format(
            slug=quote(str(slug), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Declaration | Problem:
    if response.status_code == 200:
        response_200 = Declaration.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = Declaration.from_dict(response.json())

        return response_202

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Declaration | Problem]:
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
    body: TenantsEditBody,
    if_match: None | str | Unset = UNSET,
) -> Response[Declaration | Problem]:
    """Edit

     Lets the tenant's file say what the body says, as in `{"theme": {"primary": "#123456"}}`, and no
    more. `provision` makes it.

    Args:
        slug (str):
        if_match (None | str | Unset): The ETag of what is edited, or *
        body (TenantsEditBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Declaration | Problem]
    """

    kwargs = _get_kwargs(
        slug=slug,
        body=body,
        if_match=if_match,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    slug: str,
    *,
    client: AuthenticatedClient,
    body: TenantsEditBody,
    if_match: None | str | Unset = UNSET,
) -> Declaration | Problem | None:
    """Edit

     Lets the tenant's file say what the body says, as in `{"theme": {"primary": "#123456"}}`, and no
    more. `provision` makes it.

    Args:
        slug (str):
        if_match (None | str | Unset): The ETag of what is edited, or *
        body (TenantsEditBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Declaration | Problem
    """

    return sync_detailed(
        slug=slug,
        client=client,
        body=body,
        if_match=if_match,
    ).parsed


async def asyncio_detailed(
    slug: str,
    *,
    client: AuthenticatedClient,
    body: TenantsEditBody,
    if_match: None | str | Unset = UNSET,
) -> Response[Declaration | Problem]:
    """Edit

     Lets the tenant's file say what the body says, as in `{"theme": {"primary": "#123456"}}`, and no
    more. `provision` makes it.

    Args:
        slug (str):
        if_match (None | str | Unset): The ETag of what is edited, or *
        body (TenantsEditBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Declaration | Problem]
    """

    kwargs = _get_kwargs(
        slug=slug,
        body=body,
        if_match=if_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    slug: str,
    *,
    client: AuthenticatedClient,
    body: TenantsEditBody,
    if_match: None | str | Unset = UNSET,
) -> Declaration | Problem | None:
    """Edit

     Lets the tenant's file say what the body says, as in `{"theme": {"primary": "#123456"}}`, and no
    more. `provision` makes it.

    Args:
        slug (str):
        if_match (None | str | Unset): The ETag of what is edited, or *
        body (TenantsEditBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Declaration | Problem
    """

    return (
        await asyncio_detailed(
            slug=slug,
            client=client,
            body=body,
            if_match=if_match,
        )
    ).parsed
