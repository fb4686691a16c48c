from http import HTTPStatus
from typing import Any, cast

import httpx

from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    return_to: str | Unset = "/",
    invitation: None | str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["return_to"] = return_to

    json_invitation: None | str | Unset
    if isinstance(invitation, Unset):
        json_invitation = UNSET
    else:
        json_invitation = invitation
    params["invitation"] = json_invitation

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/session/oidc",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Problem:
    if response.status_code == 302:
        response_302 = cast(Any, None)
        return response_302

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    return_to: str | Unset = "/",
    invitation: None | str | Unset = UNSET,
) -> Response[Any | Problem]:
    """Leave

     Sends the browser to the provider.

    Args:
        return_to (str | Unset): A path, or https at an active host of the same tenant Default:
            '/'.
        invitation (None | str | Unset): The last part of an invitation's link

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        return_to=return_to,
        invitation=invitation,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    return_to: str | Unset = "/",
    invitation: None | str | Unset = UNSET,
) -> Any | Problem | None:
    """Leave

     Sends the browser to the provider.

    Args:
        return_to (str | Unset): A path, or https at an active host of the same tenant Default:
            '/'.
        invitation (None | str | Unset): The last part of an invitation's link

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return sync_detailed(
        client=client,
        return_to=return_to,
        invitation=invitation,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    return_to: str | Unset = "/",
    invitation: None | str | Unset = UNSET,
) -> Response[Any | Problem]:
    """Leave

     Sends the browser to the provider.

    Args:
        return_to (str | Unset): A path, or https at an active host of the same tenant Default:
            '/'.
        invitation (None | str | Unset): The last part of an invitation's link

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        return_to=return_to,
        invitation=invitation,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    return_to: str | Unset = "/",
    invitation: None | str | Unset = UNSET,
) -> Any | Problem | None:
    """Leave

     Sends the browser to the provider.

    Args:
        return_to (str | Unset): A path, or https at an active host of the same tenant Default:
            '/'.
        invitation (None | str | Unset): The last part of an invitation's link

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            return_to=return_to,
            invitation=invitation,
        )
    ).parsed
