import datetime
from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.log_listed_kind_type_0 import (
    LogListedKindType0,
)
from ...models.logged_page import LoggedPage
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    kind: LogListedKindType0 | None | Unset = UNSET,
    since: datetime.datetime | None | Unset = UNSET,
    until: datetime.datetime | None | Unset = UNSET,
    who: None | str | Unset = UNSET,
    tenant: None | str | Unset = UNSET,
    action: None | str | Unset = UNSET,
    after: None | str | Unset = UNSET,
    limit: int | Unset = 50,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_kind: None | str | Unset
    if isinstance(kind, Unset):
        json_kind = UNSET
    elif isinstance(kind, str):
        json_kind = kind
    else:
        json_kind = kind
    params["kind"] = json_kind

    json_since: None | str | Unset
    if isinstance(since, Unset):
        json_since = UNSET
    elif isinstance(since, datetime.datetime):
        json_since = since.isoformat()
    else:
        json_since = since
    params["since"] = json_since

    json_until: None | str | Unset
    if isinstance(until, Unset):
        json_until = UNSET
    elif isinstance(until, datetime.datetime):
        json_until = until.isoformat()
    else:
        json_until = until
    params["until"] = json_until

    json_who: None | str | Unset
    if isinstance(who, Unset):
        json_who = UNSET
    else:
        json_who = who
    params["who"] = json_who

    json_tenant: None | str | Unset
    if isinstance(tenant, Unset):
        json_tenant = UNSET
    else:
        json_tenant = tenant
    params["tenant"] = json_tenant

    json_action: None | str | Unset
    if isinstance(action, Unset):
        json_action = UNSET
    else:
        json_action = action
    params["action"] = json_action

    json_after: None | str | Unset
    if isinstance(after, Unset):
        json_after = UNSET
    else:
        json_after = after
    params["after"] = json_after

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/log",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> LoggedPage | Problem:
    if response.status_code == 200:
        response_200 = LoggedPage.from_dict(response.json())

        return response_200

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[LoggedPage | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    kind: LogListedKindType0 | None | Unset = UNSET,
    since: datetime.datetime | None | Unset = UNSET,
    until: datetime.datetime | None | Unset = UNSET,
    who: None | str | Unset = UNSET,
    tenant: None | str | Unset = UNSET,
    action: None | str | Unset = UNSET,
    after: None | str | Unset = UNSET,
    limit: int | Unset = 50,
) -> Response[LoggedPage | Problem]:
    """Listed

     Who did and read what, the newest first.

    Args:
        kind (LogListedKindType0 | None | Unset):
        since (datetime.datetime | None | Unset):
        until (datetime.datetime | None | Unset):
        who (None | str | Unset): As a line has it, or the holder of a key
        tenant (None | str | Unset):
        action (None | str | Unset):
        after (None | str | Unset): `after` of the page before
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[LoggedPage | Problem]
    """

    kwargs = _get_kwargs(
        kind=kind,
        since=since,
        until=until,
        who=who,
        tenant=tenant,
        action=action,
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
    kind: LogListedKindType0 | None | Unset = UNSET,
    since: datetime.datetime | None | Unset = UNSET,
    until: datetime.datetime | None | Unset = UNSET,
    who: None | str | Unset = UNSET,
    tenant: None | str | Unset = UNSET,
    action: None | str | Unset = UNSET,
    after: None | str | Unset = UNSET,
    limit: int | Unset = 50,
) -> LoggedPage | Problem | None:
    """Listed

     Who did and read what, the newest first.

    Args:
        kind (LogListedKindType0 | None | Unset):
        since (datetime.datetime | None | Unset):
        until (datetime.datetime | None | Unset):
        who (None | str | Unset): As a line has it, or the holder of a key
        tenant (None | str | Unset):
        action (None | str | Unset):
        after (None | str | Unset): `after` of the page before
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        LoggedPage | Problem
    """

    return sync_detailed(
        client=client,
        kind=kind,
        since=since,
        until=until,
        who=who,
        tenant=tenant,
        action=action,
        after=after,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    kind: LogListedKindType0 | None | Unset = UNSET,
    since: datetime.datetime | None | Unset = UNSET,
    until: datetime.datetime | None | Unset = UNSET,
    who: None | str | Unset = UNSET,
    tenant: None | str | Unset = UNSET,
    action: None | str | Unset = UNSET,
    after: None | str | Unset = UNSET,
    limit: int | Unset = 50,
) -> Response[LoggedPage | Problem]:
    """Listed

     Who did and read what, the newest first.

    Args:
        kind (LogListedKindType0 | None | Unset):
        since (datetime.datetime | None | Unset):
        until (datetime.datetime | None | Unset):
        who (None | str | Unset): As a line has it, or the holder of a key
        tenant (None | str | Unset):
        action (None | str | Unset):
        after (None | str | Unset): `after` of the page before
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[LoggedPage | Problem]
    """

    kwargs = _get_kwargs(
        kind=kind,
        since=since,
        until=until,
        who=who,
        tenant=tenant,
        action=action,
        after=after,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    kind: LogListedKindType0 | None | Unset = UNSET,
    since: datetime.datetime | None | Unset = UNSET,
    until: datetime.datetime | None | Unset = UNSET,
    who: None | str | Unset = UNSET,
    tenant: None | str | Unset = UNSET,
    action: None | str | Unset = UNSET,
    after: None | str | Unset = UNSET,
    limit: int | Unset = 50,
) -> LoggedPage | Problem | None:
    """Listed

     Who did and read what, the newest first.

    Args:
        kind (LogListedKindType0 | None | Unset):
        since (datetime.datetime | None | Unset):
        until (datetime.datetime | None | Unset):
        who (None | str | Unset): As a line has it, or the holder of a key
        tenant (None | str | Unset):
        action (None | str | Unset):
        after (None | str | Unset): `after` of the page before
        limit (int | Unset):  Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        LoggedPage | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            kind=kind,
            since=since,
            until=until,
            who=who,
            tenant=tenant,
            action=action,
            after=after,
            limit=limit,
        )
    ).parsed
