"""Renews the passwords of applications' logins without a refused connection, as durable work: docs/adr/0039-rotation.md.

Each is two logins that take turns. The one that is not in the secret is given a new password and tried, then it is written into the secret;
the former one lets in for a while, so that whoever has read the secret before goes on. Killed anywhere, what is in the secret opens.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients import login_secrets
from tenantry.clients.login_secrets import LoginSecret
from tenantry.control import logins as written_down
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.control.logins import Login
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.operations import platform_logins
from tenantry.operations.platform_logins import RENEWED, lock, other, refuse_recent
from tenantry.postgres import locks, logins
from tenantry.postgres.server import Server
from tenantry.settings import platform_settings
from tenantry.stores import login_secret
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import Swept, over
from tenantry.work import queue
from tenantry.work.step import Kind, Run, Step

SCHEDULE: Final = Actor("credentials", "schedule")
TURN: Final = "turn"
MOST: Final = 50
"""Rotations that one slot of the scheduled task asks for: an hour's share of a fleet of 100,000 in 90 days."""
OVERDUE: Final = timedelta(days=2)
"""How much older than it should a password is when something is wrong: the task was off, or its runs fail."""


@dataclass(frozen=True)
class LoginAge:
    """The login of one application, and how old its password is."""

    slug: str
    """Whose it is; one of those of whom it is, where it is a cell's; empty: the platform's own."""
    role: str
    """The first of the two, as the look-up has it."""
    username: str
    """Whose password is in the secret."""
    changed_at: datetime
    """Since when, at the latest."""
    former_until: datetime | None
    """Until when the other one's password lets in, too; None: it has none."""

    @property
    def days(self) -> int:
        """Whole days since then."""
        return (datetime.now(UTC) - self.changed_at).days


def ages() -> tuple[LoginAge, ...]:
    """Every login that has a secret and a tenant, the oldest password first."""
    known = written_down.every()
    stores = {store.app_role: store for store in reversed(TenantStore.every())}
    found = [_age(login, stores[role].slug) for role, login in known.items() if role in stores]
    return tuple(sorted(found, key=lambda login: (login.changed_at, login.role)))


def request(slug: str, *, older_than: timedelta | None = None, now: bool = False, actor: Actor) -> UUID | None:
    """Asks for a new password of the tenant's login; the run's id. None: it is not as old as that.

    ``now``: the former one ends with the rotation, and its sessions. Otherwise ``InputError`` while the one before lets in still: that
    would end. ``InputError`` as well for an unknown tenant, and where the platform keeps no secrets of logins.
    """
    store = TenantStore.of(slug)
    login_secret.of(store)
    noted = written_down.find(store.app_role)
    if noted and older_than is not None and datetime.now(UTC) - noted.changed_at < older_than:
        return None
    if noted and not now:
        refuse_recent(noted, [slug])
    run_id = queue.request(runs.Request(ROTATE.name, slug, store.id, store.stack, {"now": now}, actor))
    if now and not runs.read(run_id)["arguments"].get("now"):
        raise InputError(
            f"a rotation of {slug} that leaves the former password for a while is under way: run {run_id}",
            f"when it has ended: tenantry credentials rotate {slug} --now",
            code="tenant.busy",
        )
    return run_id


def request_all(older_than: timedelta | None = None, *, most: int | None = None, actor: Actor) -> Swept[str, UUID | None]:
    """The same of every login, or of those whose password is as old as that, whatever becomes of one; slugs with their runs' ids.

    Those that were renewed a moment ago are left out. ``most``: no more than so many, the oldest.
    """
    login_secret.require_kind()
    return over([login.slug for login in due(older_than)[:most]], lambda slug: request(slug, older_than=older_than, actor=actor))


def due(older_than: timedelta | None = None) -> list[LoginAge]:
    """The logins whose password is as old as that, the oldest first, without those that were renewed a moment ago."""
    moment = datetime.now(UTC)
    return [
        login
        for login in ages()
        if (older_than is None or moment - login.changed_at >= older_than) and not (login.former_until and login.former_until > moment)
    ]


def end_formers() -> Swept[str, bool]:
    """Ends the former passwords whose time is over, whatever becomes of one; by role, whether it was ended now."""
    moment = datetime.now(UTC)
    due = [login for login in written_down.every().values() if login.former_until and login.former_until <= moment]
    stores = {store.app_role: store for store in TenantStore.every()} if due else {}
    return over([login.role for login in due], lambda role: _end_former(role, stores.get(role)))


def scheduled() -> dict[str, int]:
    """What the scheduled task does: former passwords end, and old ones are renewed where the platform says when."""
    settings = platform_settings()
    if settings.login_secrets == "none":
        return {}
    ended = end_formers()
    days = settings.rotate_days
    age = timedelta(days=days) if days else None
    asked = request_all(age, most=MOST, actor=SCHEDULE) if age else Swept[str, UUID | None]()
    own = platform_logins.renew_all(age, actor=SCHEDULE) if age else Swept[str, platform_logins.Turn]()
    ended.refuse("ending a former password", str)
    asked.refuse("asking for a rotation", lambda _: "a tenant")  # what a task of the platform says outlives its tenants
    own.refuse("renewing a password of the platform's own", str)
    return {
        "former passwords ended": sum(ended.results),
        "rotations asked for": len(asked.results),
        "of the platform's own renewed": len(own.results),
    }


def standing() -> str:
    """As a sentence, how old the passwords are. ``WorkError`` for such as should have been renewed or ended long ago."""
    settings = platform_settings()
    if settings.login_secrets == "none":
        return "not kept in secrets, and renewed by hand: docs/operations.md"
    days, moment = settings.rotate_days, datetime.now(UTC)
    found = sorted([*ages(), *(_age(login) for login in platform_logins.noted())], key=lambda login: login.changed_at)
    if not found:
        return "none has a secret yet"
    hint = "see that a worker runs, and what became of the task: tenantry cron list"
    if old := [login for login in found if days is not None and moment - login.changed_at > timedelta(days=days) + OVERDUE]:
        raise WorkError(f"older than {days} days: {_listed([f'{login.role} ({login.days} days)' for login in old])}", hint)
    if open_still := [login for login in found if login.former_until and moment - login.former_until > OVERDUE]:
        raise WorkError(f"the former password still lets in: {_listed([login.role for login in open_still])}", hint)
    return f"{len(found)} in secrets, the oldest of {found[0].days} days" + (
        f"; renewed after {days}" if days else "; never renewed by itself"
    )


def _age(login: Login, slug: str = "") -> LoginAge:
    return LoginAge(slug, login.role, login.username, login.changed_at, login.former_until)


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _choose(run: Run) -> str:
    """Whose turn it is. Written down before anything is changed: another attempt takes the same one."""
    store = TenantStore.of(run.subject)
    content = _said(store, login_secret.of(store))
    former, noted = str(content["username"]), written_down.find(store.app_role)
    if noted and noted.changed_at > runs.read(run.id)["requested_at"]:
        run.note(TURN, None)
        return ""
    if refused := _refusal(store, former, str(content["password"])):
        raise WorkError(
            f"the secret of {store.app_role} does not open: {refused}", f"tenantry up --stack {store.stack} --refresh puts it right"
        )
    chosen = other(store.app_role, former)
    run.note(TURN, {"role": store.app_role, "former": former, "next": chosen})
    return f"{chosen} follows {former}"


def _renew(run: Run) -> str:
    """A new password for the one whose turn it is, tried, and written into the secret."""
    store, turn = _at_hand(run)
    if turn is None:
        return ""
    role, chosen = turn["role"], turn["next"]
    with locks.held(lock(role), wait=locks.TURN):
        secret = login_secret.of(store)
        content = _said(store, secret)
        if content["username"] == chosen and not _refusal(store, chosen, str(content["password"])):
            return f"{chosen} is in the secret"
        password, server = secrets.token_urlsafe(32), store.administrator()
        logins.renew(server, role, chosen, password, store.database, store.schema)
        run.tell(f"{chosen} is tried")
        if refused := _refusal(store, chosen, password):
            raise TransientError(f"{chosen} is not let in with its new password: {refused}", "the secret is as it was; it is tried again")
        secret.write({**content, "username": chosen, "password": password})
    return f"{chosen} is in the secret"


def _tell(run: Run) -> str:
    """Says so to the directory, which tells the applications, and to the audit log."""
    store, turn = _at_hand(run)
    if turn is None:
        return ""
    noted = written_down.rotated(turn["role"], login_secret.of(store).arn, turn["next"])
    with transaction() as connection:
        runs.audit(connection, store.id, run.requested_by, RENEWED, f"{turn['next']} in the place of {turn['former']}", run.id)
    return f"applications are told; {turn['former']} lets in until {noted.former_until:%Y-%m-%d %H:%M} UTC"


def _end(run: Run) -> str:
    """Ends the former password at once, and the sessions that were opened with it."""
    store, turn = _at_hand(run)
    if turn is None:
        return ""
    with locks.held(lock(turn["role"]), wait=locks.TURN):
        if _said(store, login_secret.of(store))["username"] != turn["next"]:
            return ""  # another rotation came between: the former one's is the good one
        logins.end(store.administrator(), turn["former"], sessions=True)
        written_down.former_ended(turn["role"], turn["next"])
    return f"{turn['former']} does not let in any more"


def _end_former(role: str, store: TenantStore | None) -> bool:
    server = store.administrator() if store else Server.from_environment()
    with locks.held(lock(role), wait=locks.TURN):
        noted = written_down.find(role)
        content = login_secrets.at(noted.secret) if noted else None
        # What is not in the secret ends, and only where the secret says what it should: else it may be all that opens.
        if noted is None or content is None or content.get("username") != noted.username:
            return False
        former = other(role, noted.username)
        with server.connect() as connection:
            there = former in logins.both(connection, role)
        if there:
            logins.end(server, former)
        written_down.former_ended(role, noted.username)
        return there


def _at_hand(run: Run) -> tuple[TenantStore, dict[str, Any] | None]:
    """The tenant and whose turn it is; None: nobody's, because it was renewed since, or has moved, and its login is new."""
    store, turn = TenantStore.of(run.subject), run.notes[TURN]
    return store, turn if turn and turn["role"] == store.app_role else None


def _said(store: TenantStore, secret: LoginSecret) -> dict[str, Any]:
    content = secret.read()
    if content is None or content.get("username") not in (store.app_role, naming.second_login(store.app_role)):
        raise WorkError(
            f"there is no secret of {store.app_role} to write a new password into",
            f"tenantry up --stack {store.stack} --refresh makes it, then the same again",
        )
    return content


def _refusal(store: TenantStore, login: str, password: str) -> str:
    """Why the login's password is not right, or cannot be tried; empty: it is. A tenant that is shut out is not let in with it either."""
    said = logins.refusal(store.administrator(), store.database, login, password)
    return "" if "not permitted to log in" in said or "too many connections" in said else said.splitlines()[0] if said else ""


def _steps(run: Run) -> list[Step]:
    steps = [Step("whose turn", _choose), Step("renew", _renew), Step("tell", _tell)]
    return [*steps, Step("end the former", _end)] if run.arguments.get("now") else steps


ROTATE: Final = Kind("rotate", _steps)
