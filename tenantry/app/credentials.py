"""Where passwords come from: the directory tells none. A function of the tenant, a mapping by role, or the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from tenantry.errors import InputError, WorkError

VARIABLE: Final = "TENANTRY_CREDENTIALS"
"""What stacks hand out, as JSON: role → password (``pulumi stack output credentials --show-secrets --json -s shared``)."""

Credentials = Callable[[Any], str] | Mapping[str, str]
"""The function is given a ``Tenant``."""


class _Tenant(Protocol):
    @property
    def slug(self) -> str | None: ...
    @property
    def role(self) -> str | None: ...


def password(credentials: Credentials | None, tenant: _Tenant) -> str:
    """The password of the tenant's role; ``WorkError`` where there is none."""
    if callable(credentials):
        return credentials(tenant)
    found = (from_environment() if credentials is None else credentials).get(str(tenant.role))
    if found is None:
        where = f"{VARIABLE} has" if credentials is None else "the credentials have"
        raise WorkError(
            f"no password for the role {tenant.role}: {where} none",
            f"give it what the stack of {tenant.slug} hands out as `credentials`, or a function that knows it",
            code="credentials.missing",
        )
    return found


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
