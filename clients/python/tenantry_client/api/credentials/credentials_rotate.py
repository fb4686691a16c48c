from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.rotation_asked import RotationAsked
from ...models.rotation_body import RotationBody
from ...types import Response, Unset


def _get_kwargs(
    slug: str,
    *,
    body: RotationBody,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    if not isinstance(tenantry_confirm, Unset):
        headers["Tenantry-Confirm"] = tenantry_confirm

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/tenants/{slug}/credentials/rotations".format(
            slug=quote(str(slug), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | RotationAsked:
    if response.status_code == 202:
        response_202 = RotationAsked.from_dict(response.json())

        return response_202

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | RotationAsked]:
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
    body: RotationBody,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> Response[Problem | RotationAsked]:
    """Rotate

     Renews the password of the tenant's login, in its secret; no connection is refused. Tenants that
    share tables have one login.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.
        body (RotationBody): How a password is renewed.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RotationAsked]
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
    body: RotationBody,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> Problem | RotationAsked | None:
    """Rotate

     Renews the password of the tenant's login, in its secret; no connection is refused. Tenants that
    share tables have one login.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.
        body (RotationBody): How a password is renewed.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RotationAsked
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
    body: RotationBody,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> Response[Problem | RotationAsked]:
    """Rotate

     Renews the password of the tenant's login, in its secret; no connection is refused. Tenants that
    share tables have one login.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.
        body (RotationBody): How a password is renewed.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | RotationAsked]
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
    body: RotationBody,
    idempotency_key: str,
    tenantry_confirm: str | Unset = "",
) -> Problem | RotationAsked | None:
    """Rotate

     Renews the password of the tenant's login, in its secret; no connection is refused. Tenants that
    share tables have one login.

    Args:
        slug (str):
        idempotency_key (str): A name of your own for this request
        tenantry_confirm (str | Unset): People: the slug once more, as typed Default: ''.
        body (RotationBody): How a password is renewed.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | RotationAsked
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
