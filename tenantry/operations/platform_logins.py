"""Renews the logins that are no tenant's: that of the look-up, and those of cells in whose shared tables nobody is yet.

The same two logins that take turns as a tenant's, without a run: whatever it is killed at, what the secret says opens, and the next time
goes on from there. docs/adr/0039-rotation.md
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients.login_secrets import MARK, PLATFORM, LoginSecret
from tenantry.control import logins as written_down
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.control.logins import Login
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.postgres import locks, logins
from tenantry.postgres.server import Server
from tenantry.settings import platform_settings
from tenantry.stores import login_secret
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import Swept, over

RENEWED = "renew password"
"""The action in the audit log."""


@dataclass(frozen=True)
class PlatformLogin:
    """A login by the first of its two roles, and what it enters."""

    role: str
    database: str
    schema: str

    @classmethod
    def of(cls, role: str) -> PlatformLogin:
        """The look-up's, or a cell's."""
        if role == naming.CONTROL_DIRECTORY:
            return cls(role, naming.CONTROL_DATABASE, naming.CONTROL_SCHEMA)
        return cls(role, role.removesuffix("__app"), naming.SHARED_SCHEMA)

    @property
    def secret(self) -> LoginSecret:
        """Where its password is. ``InputError`` where the platform keeps no secrets."""
        name = naming.login_secret(platform_settings().bucket_prefix, self.role)
        return LoginSecret(login_secret.require_kind(), name, {MARK: PLATFORM})


@dataclass(frozen=True)
class Turn:
    """What a renewal has come to."""

    role: str
    """The first of the two."""
    username: str
    """Whose password is in the secret now."""
    former_until: datetime | None
    """Until when the other one's lets in, too; None: it does not."""


def noted() -> list[Login]:
    """Those that have a secret, the oldest password first."""
    known = written_down.every()
    theirs = {store.app_role for store in TenantStore.every()}
    found = [login for role, login in known.items() if role == naming.CONTROL_DIRECTORY or (_of_cell(role) and role not in theirs)]
    return sorted(found, key=lambda login: (login.changed_at, login.role))


def renew(role: str, *, now: bool = False, actor: Actor) -> Turn:
    """Gives the one whose turn it is a new password, and the secret says so. ``now``: the former one ends, and its sessions.

    ``InputError`` while the one before lets in still, and where the platform keeps no secrets; ``WorkError`` where the secret is not
    there or does not open.
    """
    login = PlatformLogin.of(role)
    with locks.held(lock(role), wait=locks.TURN):
        secret, server, known = login.secret, Server.from_environment(), written_down.find(role)
        content = secret.read()
        if content is None or content.get("username") not in (role, naming.second_login(role)):
            raise WorkError(
                f"there is no secret of {role} to write a new password into", "tenantry up --all --refresh makes it, then the same again"
            )
        said = str(content["username"])
        # Where the two differ the last renewal was killed before it was written down: this one is its end.
        if known is None or known.username == said:
            if known and not now:
                refuse_recent(known)
            if refused := logins.refusal(server, login.database, said, str(content["password"])):
                raise WorkError(
                    f"the secret of {role} does not open: {refused.splitlines()[0]}", "tenantry up --all --refresh puts it right"
                )
            said, password = other(role, said), secrets.token_urlsafe(32)
            logins.renew(server, role, said, password, login.database, login.schema)
            if refused := logins.refusal(server, login.database, said, password):
                raise TransientError(
                    f"{said} is not let in with its new password: {refused.splitlines()[0]}", "the secret is as it was: run the same again"
                )
            secret.write({**content, "username": said, "password": password})
        found, former = written_down.rotated(role, secret.arn, said), other(role, said)
        with transaction() as connection:
            runs.audit(connection, None, actor.name, RENEWED, f"{said} in the place of {former}")
        if now:
            logins.end(server, former, sessions=True)
            written_down.former_ended(role, said)
        return Turn(role, said, None if now else found.former_until)


def renew_all(older_than: timedelta | None = None, *, actor: Actor) -> Swept[str, Turn]:
    """The same of all, or of those whose password is as old as that, whatever becomes of one; by role. Those that were renewed a moment
    ago are left out."""
    login_secret.require_kind()
    moment = datetime.now(UTC)
    return over(
        [
            login.role
            for login in noted()
            if (older_than is None or moment - login.changed_at >= older_than) and not (login.former_until and login.former_until > moment)
        ],
        lambda role: renew(role, actor=actor),
    )


def refuse_recent(known: Login, whose: Collection[str] = ("--directory",)) -> None:
    """``InputError`` while the former password lets in still: it would end, and whoever has it be refused."""
    if known.former_until and known.former_until > datetime.now(UTC):
        raise InputError(
            f"the password of {known.role} was renewed at {known.changed_at:%Y-%m-%d %H:%M}, and the one before lets in until"
            f" {known.former_until:%Y-%m-%d %H:%M} UTC: whoever has not read the secret since would be refused",
            f"wait until then; where the new one is known to others already: tenantry credentials rotate {' '.join(whose)} --now",
            code="credentials.recent",
        )


def other(role: str, login: str) -> str:
    """The one of the two that ``login`` is not; ``role`` is the first."""
    return role if login != role else naming.second_login(role)


def lock(role: str) -> str:
    """Held by whoever changes which of the two is in the secret, or ends the other."""
    return f"login:{role}"


def _of_cell(role: str) -> bool:
    return role.startswith("cell_") and role.endswith("__app")
