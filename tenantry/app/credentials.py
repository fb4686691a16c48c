"""Where passwords come from: the directory tells none. A function of the tenant (``tenantry.app.secrets`` has one that reads the secrets
of logins), a mapping by role, or the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from tenantry.errors import InputError, WorkError

VARIABLE: Final = "TENANTRY_CREDENTIALS"
"""What stacks hand out, as JSON: role → password (``pulumi stack output credentials --show-secrets --json -s shared``)."""


class Login(NamedTuple):
    """With what a connection is opened: of two logins that take turns the one whose turn it is."""

    username: str
    password: str


Credentials = Callable[[Any], str | Login] | Mapping[str, str]
"""The function is given a ``Tenant``, and gives its role's password, or a ``Login``."""


class _Tenant(Protocol):
    @property
    def slug(self) -> str | None: ...
    @property
    def role(self) -> str | None: ...


def login(credentials: Credentials | None, tenant: _Tenant) -> Login:
    """What the tenant's store is entered with; ``WorkError`` where there is no password."""
    if callable(credentials):
        given = credentials(tenant)
        return given if isinstance(given, Login) else Login(str(tenant.role), given)
    found = (from_environment() if credentials is None else credentials).get(str(tenant.role))
    if found is None:
        where = f"{VARIABLE} has" if credentials is None else "the credentials have"
        raise WorkError(
            f"no password for the role {tenant.role}: {where} none",
            f"give it what the stack of {tenant.slug} hands out as `credentials`, or a function that knows it",
            code="credentials.missing",
        )
    return Login(str(tenant.role), found)


def from_environment() -> Mapping[str, str]:
    """What ``VARIABLE`` has; ``InputError`` where that is not JSON of the kind."""
    text = os.environ.get(VARIABLE) or "{}"
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InputError(
            f"{VARIABLE} is not a JSON object of passwords by role",
            f'export {VARIABLE}="$(pulumi stack output credentials --show-secrets --json -s shared)"',
        )
    return found
