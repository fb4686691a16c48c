from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.acceptance import Acceptance
from ...models.accepted import Accepted
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    *,
    body: Acceptance,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/invitations/accept",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Accepted | Problem:
    if response.status_code == 200:
        response_200 = Accepted.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Accepted | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: Acceptance,
    idempotency_key: str,
) -> Response[Accepted | Problem]:
    """Accept

     Lets whoever brought a code in, with settings and welcome mails. `again`: it was used before, so
    nobody is signed in for it.

    Args:
        idempotency_key (str): A name of your own for this request
        body (Acceptance): A code that somebody has brought.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Accepted | Problem]
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
    body: Acceptance,
    idempotency_key: str,
) -> Accepted | Problem | None:
    """Accept

     Lets whoever brought a code in, with settings and welcome mails. `again`: it was used before, so
    nobody is signed in for it.

    Args:
        idempotency_key (str): A name of your own for this request
        body (Acceptance): A code that somebody has brought.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Accepted | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: Acceptance,
    idempotency_key: str,
) -> Response[Accepted | Problem]:
    """Accept

     Lets whoever brought a code in, with settings and welcome mails. `again`: it was used before, so
    nobody is signed in for it.

    Args:
        idempotency_key (str): A name of your own for this request
        body (Acceptance): A code that somebody has brought.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Accepted | Problem]
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
    body: Acceptance,
    idempotency_key: str,
) -> Accepted | Problem | None:
    """Accept

     Lets whoever brought a code in, with settings and welcome mails. `again`: it was used before, so
    nobody is signed in for it.

    Args:
        idempotency_key (str): A name of your own for this request
        body (Acceptance): A code that somebody has brought.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Accepted | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
