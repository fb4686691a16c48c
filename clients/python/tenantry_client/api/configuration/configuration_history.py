from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.configuration_change import ConfigurationChange
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    slug: str,
    *,
    key: None | str | Unset = UNSET,
    limit: int | Unset = 100,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_key: None | str | Unset
    if isinstance(key, Unset):
        json_key = UNSET
    else:
        json_key = key
    params["key"] = json_key

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/tenants/{slug}/configuration/history".format(
            slug=quote(str(slug), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | list[ConfigurationChange]:
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = ConfigurationChange.from_dict(response_200_item_data)

            response_200.append(response_200_item)

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | list[ConfigurationChange]]:
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
    key: None | str | Unset = UNSET,
    limit: int | Unset = 100,
) -> Response[Problem | list[ConfigurationChange]]:
    """History

     What was changed, the newest first. What a run changed, `POST /v1/configuration/bulk/RUN/undo` takes
    back.

    Args:
        slug (str):
        key (None | str | Unset):
        limit (int | Unset):  Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | list[ConfigurationChange]]
    """

    kwargs = _get_kwargs(
        slug=slug,
        key=key,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    slug: str,
    *,
    client: AuthenticatedClient,
    key: None | str | Unset = UNSET,
    limit: int | Unset = 100,
) -> Problem | list[ConfigurationChange] | None:
    """History

     What was changed, the newest first. What a run changed, `POST /v1/configuration/bulk/RUN/undo` takes
    back.

    Args:
        slug (str):
        key (None | str | Unset):
        limit (int | Unset):  Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | list[ConfigurationChange]
    """

    return sync_detailed(
        slug=slug,
        client=client,
        key=key,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    slug: str,
    *,
    client: AuthenticatedClient,
    key: None | str | Unset = UNSET,
    limit: int | Unset = 100,
) -> Response[Problem | list[ConfigurationChange]]:
    """History

     What was changed, the newest first. What a run changed, `POST /v1/configuration/bulk/RUN/undo` takes
    back.

    Args:
        slug (str):
        key (None | str | Unset):
        limit (int | Unset):  Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | list[ConfigurationChange]]
    """

    kwargs = _get_kwargs(
        slug=slug,
        key=key,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    slug: str,
    *,
    client: AuthenticatedClient,
    key: None | str | Unset = UNSET,
    limit: int | Unset = 100,
) -> Problem | list[ConfigurationChange] | None:
    """History

     What was changed, the newest first. What a run changed, `POST /v1/configuration/bulk/RUN/undo` takes
    back.

    Args:
        slug (str):
        key (None | str | Unset):
        limit (int | Unset):  Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | list[ConfigurationChange]
    """

    return (
        await asyncio_detailed(
            slug=slug,
            client=client,
            key=key,
            limit=limit,
        )
    ).parsed
