from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.beside import Beside
from ...models.made import Made
from ...models.problem import Problem
from ...types import Response, Unset


def _get_kwargs(
    slug: str,
    *,
    body: Beside,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    if not isinstance(tenantry_confirm, Unset):
        headers["Tenantry-Confirm"] = tenantry_confirm

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/tenants/{slug}/restores/beside".format(
            slug=quote(str(slug), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Made | Problem:
    if response.status_code == 200:
        response_200 = Made.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = Made.from_dict(response.json())

        return response_202

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Made | Problem]:
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
    body: Beside,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> Response[Made | Problem]:
    """Beside

     Declares a new tenant like the backed-up one and makes it; nobody is invited. A restore with `into`
    then fills it.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.
        body (Beside): As which new tenant a backup comes back.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Made | Problem]
    """

    kwargs = _get_kwargs(
        slug=slug,
        body=body,
        idempotency_key=idempotency_key,
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
    body: Beside,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> Made | Problem | None:
    """Beside

     Declares a new tenant like the backed-up one and makes it; nobody is invited. A restore with `into`
    then fills it.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.
        body (Beside): As which new tenant a backup comes back.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Made | Problem
    """

    return sync_detailed(
        slug=slug,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
        tenantry_confirm=tenantry_confirm,
    ).parsed


async def asyncio_detailed(
    slug: str,
    *,
    client: AuthenticatedClient,
    body: Beside,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> Response[Made | Problem]:
    """Beside

     Declares a new tenant like the backed-up one and makes it; nobody is invited. A restore with `into`
    then fills it.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.
        body (Beside): As which new tenant a backup comes back.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Made | Problem]
    """

    kwargs = _get_kwargs(
        slug=slug,
        body=body,
        idempotency_key=idempotency_key,
        tenantry_confirm=tenantry_confirm,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    slug: str,
    *,
    client: AuthenticatedClient,
    body: Beside,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> Made | Problem | None:
    """Beside

     Declares a new tenant like the backed-up one and makes it; nobody is invited. A restore with `into`
    then fills it.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.
        body (Beside): As which new tenant a backup comes back.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Made | Problem
    """

    return (
        await asyncio_detailed(
            slug=slug,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
            tenantry_confirm=tenantry_confirm,
        )
    ).parsed
