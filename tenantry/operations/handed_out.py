"""What the stacks hand out, tried: the secrets of their states can be read, and the log-ins among them get in."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tenantry import naming
from tenantry.backend import state_files
from tenantry.clients import login_secrets, process
from tenantry.control.ledger import Ledger
from tenantry.errors import WorkError
from tenantry.postgres import logins
from tenantry.postgres.server import Server
from tenantry.settings import project_root
from tenantry.stores.tenant_store import TenantStore

PARALLEL: Final = 4
"""Processes of the engine, and sessions, at a time."""

TIME: Final = 60
"""Seconds that all of it may take: a process of the engine for each stack. What is not reached is counted."""

SHOWN: Final = 5


class Handed(NamedTuple):
    """What an application comes with: of two logins that take turns the one whose turn it is."""

    username: str
    password: str


class _Login(NamedTuple):
    stack: str
    role: str
    username: str
    password: str


@dataclass(frozen=True)
class _Found:
    """What came of one stack; ``passwords``, and the ARNs of the ``secrets`` that others are in, by role."""

    stack: str
    fault: str = ""
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict)


def login(stack: str, role: str) -> Handed | None:
    """One login with its password, of what the stack hands out or from the login's secret; None: it has neither.

    ``WorkError`` when the secrets of the stack's state, or that of the login, cannot be read, or the stack is not there.
    """
    found = _read(process.pulumi(), stack, time.monotonic() + TIME)
    if found is None:
        raise WorkError(f"there is no state of the stack {stack}", f"tenantry up --stack {stack}", code="stack.unknown")
    if found.fault:
        raise WorkError(f"the secrets of the stack {stack} cannot be read: {found.fault}", _remedy(found.fault))
    if password := found.passwords.get(role):
        return Handed(role, password)
    return _in_secret(found.secrets[role]) if role in found.secrets else None


def examine() -> str:
    """As sentences, what was tried. ``WorkError`` names a state whose secrets cannot be read, or the logins that are not let in."""
    engine, end = process.pulumi(), time.monotonic() + TIME
    stacks = _applied()
    if not stacks:
        return "none: nothing was ever made here"
    with ThreadPoolExecutor(PARALLEL) as pool:
        found = [each for each in pool.map(lambda stack: _read(engine, stack, end), stacks) if each]
        faults = [each for each in found if each.fault]
        if faults:
            more = f" (and of {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise WorkError(f"the secrets of the stack {faults[0].stack}{more} cannot be read: {faults[0].fault}", _remedy(faults[0].fault))
        stores = {store.app_role: store for store in TenantStore.every() if not store.shared and store.state == "active"}
        kept = [(each.stack, role, arn) for each in found for role, arn in sorted(each.secrets.items())]
        read = list(pool.map(lambda one: _in_secret(one[2]) if time.monotonic() < end else None, kept))
        if lost := [role for (_, role, _), handed in zip(kept, read, strict=True) if handed is None and time.monotonic() < end]:
            raise WorkError(
                f"no secret, where its stack says that it is: {', '.join(lost[:SHOWN])}", "tenantry up --all --refresh makes it"
            )
        tries = [_Login(each.stack, role, role, password) for each in found for role, password in sorted(each.passwords.items())]
        tries += [_Login(stack, role, *handed) for (stack, role, _), handed in zip(kept, read, strict=True) if handed]
        held = list(pool.map(lambda login: _holds(login, stores, end), tries))
    if wrong := [login for login, holds in zip(tries, held, strict=True) if holds is False]:
        names = ", ".join(login.role for login in wrong[:SHOWN]) + (f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else "")
        broken = sorted({login.stack for login in wrong})
        which = f"--stack {broken[0]}" if len(broken) == 1 else "--all"
        raise WorkError(f"not let in with the password that their stack hands out: {names}", f"tenantry up {which} --refresh gives it back")
    tried = sum(holds is not None for holds in held)
    return f"{tried} logins of {len(found)} stacks get in" + _unreached(len(stacks) - len(found), len(held) - tried)


def _applied() -> list[str]:
    """The stacks that have made something, cells first."""
    with Server.from_environment().kept() as connection:
        book = Ledger.read(connection, naming.SHARED_STACK)
    # What is on a server of a tenant's own is claimed by nobody.
    stacks = {*book.claims.values(), *(tenant.stack for tenant in book.tenants.values())}
    broken = {stack for stack, _, _ in state_files.unreadable()}  # they are another check's
    return sorted(stacks - broken, key=lambda stack: (naming.cell_of_stack(stack) is None, stack))


def _read(engine: str, stack: str, end: float) -> _Found | None:
    """The stack's log-ins; None: there is no time left, or no such stack any more."""
    left = end - time.monotonic()
    if left <= 0:
        return None
    command = [engine, "stack", "output", "--stack", stack, "--json", "--show-secrets", "--non-interactive"]
    result = process.run(command, limit=left, cwd=project_root())
    if result.returncode == 0:
        outputs = json.loads(result.stdout)
        passwords = outputs.get("credentials") or {outputs.get("app_role"): outputs.get("app_password")}
        return _Found(
            stack,
            passwords={role: password for role, password in passwords.items() if role and password},
            secrets=outputs.get("secrets") or {},
        )
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    said = next((line.partition("error: ")[2] for line in lines if "error: " in line), lines[-1] if lines else "no answer")
    return None if "no stack named" in said else _Found(stack, said.partition(", please")[0])


def _in_secret(arn: str) -> Handed | None:
    found = login_secrets.at(arn)
    return Handed(str(found["username"]), str(found["password"])) if found else None


def _remedy(fault: str) -> str:
    if "passphrase" in fault.lower():
        return "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the passphrase that the stack was made with"
    return "see to the key of the stack's secrets and to your rights to it: tenantry:secretsProvider in Pulumi.yaml"


def _holds(login: _Login, stores: Mapping[str, TenantStore], end: float) -> bool | None:
    """Whether it gets in; None where that was not tried: it is closed, its server is another check's, or there is no time left."""
    if time.monotonic() > end:
        return None
    cell = naming.cell_of_stack(login.stack)
    if cell is not None and login.role == naming.cell_app(cell):
        return logins.password_holds(Server.from_environment(), naming.cell_database(cell), login.username, login.password)
    if login.role == naming.CONTROL_DIRECTORY:
        return logins.password_holds(Server.from_environment(), naming.CONTROL_DATABASE, login.username, login.password)
    store = stores.get(login.role)
    if store is None:
        return None
    try:
        server = store.administrator()
    except WorkError:
        return None
    return logins.password_holds(server, store.database, login.username, login.password)


def _unreached(stacks: int, tries: int) -> str:
    missing = [f"{count} {what}" for count, what in ((stacks, "stacks"), (tries, "logins")) if count]
    return f"; not tried: {' and '.join(missing)}" if missing else ""
