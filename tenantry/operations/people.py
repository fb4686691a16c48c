"""What tenants write of people: names, addresses, roles. Whoever wrote them, they are checked as in a file."""

from __future__ import annotations

from typing import Final, get_args

from pydantic import TypeAdapter, ValidationError

from tenantry.control.invitations import Role
from tenantry.declaration.mail import Email
from tenantry.errors import InputError
from tenantry.rendering.wire import wire_address
from tenantry.text import Line

ROLES: Final[tuple[Role, ...]] = get_args(Role)
_NAME: Final[TypeAdapter[str]] = TypeAdapter(Line)
_EMAIL: Final[TypeAdapter[str]] = TypeAdapter(Email)


def name(text: str) -> str:
    """A person's name: one visible line. ``InputError`` for what is none."""
    return _checked(_NAME, "the name", text, "one visible line of at most 100 characters")


def email(text: str) -> str:
    """An address that can receive mail, normalised. ``InputError`` for what cannot."""
    address = _checked(_EMAIL, "the address", text, "for example ada@acme.example")
    try:
        wire_address(address)
    except ValueError as error:
        raise InputError(f"the address: {error}", "use another address") from None
    return address


def role(text: str) -> Role:
    """``InputError`` for what is none."""
    for known in ROLES:
        if text == known:
            return known
    raise InputError(f"there is no role {text[:60]!r}", f"one of {', '.join(ROLES)}")


def _checked(kind: TypeAdapter[str], what: str, text: str, hint: str) -> str:
    try:
        return kind.validate_python(text, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise InputError(f"{what}: {found['msg']}", (found.get("ctx") or {}).get("hint") or hint) from None
