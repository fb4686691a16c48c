from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.configuration_upload_key import (
    ConfigurationUploadKey,
)
from ...models.problem import Problem
from ...models.value import Value
from ...types import UNSET, Response, Unset


def _get_kwargs(
    slug: str,
    key: ConfigurationUploadKey,
    *,
    body: str,
    if_match: None | str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/v1/tenants/{slug}/configuration/{key}/picture".format(
            slug=quote(str(slug), safe=""),
            key=quote(str(key), safe=""),
        ),
    }

    _kwargs["content"] = body.payload
    headers["Content-Type"] = "application/octet-stream"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | Value:
    if response.status_code == 200:
        response_200 = Value.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | Value]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    slug: str,
    key: ConfigurationUploadKey,
    *,
    client: AuthenticatedClient,
    body: str,
    if_match: None | str | Unset = UNSET,
) -> Response[Problem | Value]:
    """Upload

     Uploads a picture, which is in force at once. What it is says its content; what is published is
    written anew from it.

    Args:
        slug (str):
        key (ConfigurationUploadKey):
        if_match (None | str | Unset): The ETag of what is edited, or *
        body (str): SVG, PNG or ICO

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Value]
    """

    kwargs = _get_kwargs(
        slug=slug,
        key=key,
        body=body,
        if_match=if_match,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    slug: str,
    key: ConfigurationUploadKey,
    *,
    client: AuthenticatedClient,
    body: str,
    if_match: None | str | Unset = UNSET,
) -> Problem | Value | None:
    """Upload

     Uploads a picture, which is in force at once. What it is says its content; what is published is
    written anew from it.

    Args:
        slug (str):
        key (ConfigurationUploadKey):
        if_match (None | str | Unset): The ETag of what is edited, or *
        body (str): SVG, PNG or ICO

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Value
    """

    return sync_detailed(
        slug=slug,
        key=key,
        client=client,
        body=body,
        if_match=if_match,
    ).parsed


async def asyncio_detailed(
    slug: str,
    key: ConfigurationUploadKey,
    *,
    client: AuthenticatedClient,
    body: str,
    if_match: None | str | Unset = UNSET,
) -> Response[Problem | Value]:
    """Upload

     Uploads a picture, which is in force at once. What it is says its content; what is published is
    written anew from it.

    Args:
        slug (str):
        key (ConfigurationUploadKey):
        if_match (None | str | Unset): The ETag of what is edited, or *
        body (str): SVG, PNG or ICO

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Value]
    """

    kwargs = _get_kwargs(
        slug=slug,
        key=key,
        body=body,
        if_match=if_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    slug: str,
    key: ConfigurationUploadKey,
    *,
    client: AuthenticatedClient,
    body: str,
    if_match: None | str | Unset = UNSET,
) -> Problem | Value | None:
    """Upload

     Uploads a picture, which is in force at once. What it is says its content; what is published is
    written anew from it.

    Args:
        slug (str):
        key (ConfigurationUploadKey):
        if_match (None | str | Unset): The ETag of what is edited, or *
        body (str): SVG, PNG or ICO

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Value
    """

    return (
        await asyncio_detailed(
            slug=slug,
            key=key,
            client=client,
            body=body,
            if_match=if_match,
        )
    ).parsed
