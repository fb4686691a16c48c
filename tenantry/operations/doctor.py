"""Everything that a run needs, examined one by one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from psycopg import errors

from tenantry import naming
from tenantry.backend import state_files
from tenantry.clients import process
from tenantry.control import admission, backup_keys, program_age
from tenantry.control.database import transaction
from tenantry.control.ledger import Ledger
from tenantry.declaration.store import DeclarationStore
from tenantry.engine import applied
from tenantry.errors import InputError, OlderProgram, WorkError
from tenantry.operations import control_version, declaration_checks, handed_out, outside_checks, rotation, states
from tenantry.operations.declaration_checks import Warned
from tenantry.postgres import connect_rights, control_grants, login_limits, revisions, server_guard, table_rules
from tenantry.postgres.connect_rights import Opening
from tenantry.postgres.server import Server
from tenantry.settings import platform_settings
from tenantry.stores import program_door, table_sets
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import explained

SHOWN: Final = 3
"""Stacks of which is told what is in the way: each takes a command of its own."""


@dataclass(frozen=True)
class Check:
    """What was looked at, whether it is well, what was found, and what to do where it is not."""

    name: str
    ok: bool
    found: str
    hint: str = ""

    @property
    def warning(self) -> bool:
        """Whether it is well, and there is something to do about it all the same."""
        return self.ok and bool(self.hint)


def examine() -> list[Check]:
    """All checks, in the order in which a run would meet them; none stops the others.

    ``OlderProgram`` where the platform is newer than this program: what else it found would mislead.
    """
    try:
        program_door.enter()
    except OlderProgram:
        raise
    except Exception:  # noqa: S110  # the server's own check says it
        pass
    checks: list[tuple[str, Callable[[], str | Warned]]] = [
        ("Python", _python),
        ("Pulumi engine", _engine),
        ("settings", _settings),
        ("repository", declaration_checks.repository),
        ("forge", declaration_checks.forge),
        ("declarations", _declarations),
        ("state backend", _backend),
        ("PostgreSQL", _postgres),
        ("privileges", _privileges),
        ("tenant tables", _tenant_tables),
        ("shared tables", _shared_tables),
        ("backup keys", _backup_keys),
        ("logins", _logins),
        ("states", _states),
        ("interrupted runs", _runs),
        ("applied", _applied),
        ("handed out", handed_out.examine),
        ("passwords", rotation.standing),
        ("AWS", outside_checks.aws_account),
        ("row contexts", outside_checks.row_contexts),
        ("Cloudflare", outside_checks.cloudflare_zone),
        ("mail", outside_checks.mail_server),
    ]
    return [_attempt(name, check) for name, check in checks]


def _attempt(name: str, check: Callable[[], str | Warned]) -> Check:
    try:
        found = check()
        return Check(name, True, *(found if isinstance(found, Warned) else (found,)))
    except control_version.MISSING as error:
        cause = control_version.explained(error)
        return Check(name, False, cause.message, cause.hint)
    except Exception as error:
        return Check(name, False, *explained(error))


def _python() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def _engine() -> str:
    path = process.pulumi()
    version = process.run([path, "version"]).stdout.decode().strip()
    if shutil.which("pulumi-language-python") is None:
        raise WorkError(f"pulumi {version} has no Python language host beside it", "install Pulumi's complete release")
    return version


def _settings() -> str:
    settings = platform_settings()
    return f"{settings.domain}, buckets {settings.bucket_prefix}-*, {settings.region}"


def _declarations() -> str:
    declared = DeclarationStore.of_platform().load()
    return f"{len(declared)} tenants, all valid"


def _backend() -> str:
    result = process.run([process.pulumi(), "whoami", "--verbose", "--non-interactive"])
    if result.returncode != 0:
        raise WorkError(
            result.stderr.decode(errors="replace").strip().removeprefix("error: ") or "no answer",
            "set PULUMI_BACKEND_URL, or log in: pulumi login",
        )
    for stack, path, cause in state_files.unreadable():
        raise WorkError(f"the state of the stack {stack} cannot be read: {path}: {cause}", state_files.way_back(stack, path))
    return os.environ.get("PULUMI_BACKEND_URL", "as pulumi login chose")


def _postgres() -> str:
    server = Server.from_environment()
    with server.connect() as connection:
        row = connection.execute(
            "SELECT current_setting('server_version'), rolcreaterole AND rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    if row is None or not row[1]:
        raise WorkError(f"{server.user} may not make roles and databases", f"ALTER ROLE {server.user} CREATEROLE CREATEDB")
    return f"{row[0]} at {server.host}:{server.port}"


def _no_platform() -> bool:
    with Server.from_environment().connect() as connection:
        return connection.execute("SELECT FROM pg_database WHERE datname = %s", [naming.CONTROL_DATABASE]).fetchone() is None


def _backup_keys() -> str:
    if _no_platform():
        return "none: the platform is not there yet"
    if gone := backup_keys.without_key():
        more = f" and of {len(gone) - 1} more" if len(gone) > 1 else ""
        raise WorkError(
            f"the key of {gone[0]}'s backups{more} is gone from the control database",
            "tenantry backup verify ID brings it back from its second copy, where there is one (docs/backups.md, Keys)",
        )
    if count := backup_keys.without_copy():
        raise WorkError(
            f"of {count} keys of tenants' backups no second copy is known", "the next backup of each makes it: tenantry backup --all"
        )
    return "each has its second copy"


def _privileges() -> str:
    if _no_platform():
        return "none: the platform is not there yet"
    with transaction() as connection:
        program_age.require_upgraded(connection)  # else what it grants in addition is missing, and nobody did that
        found = control_grants.differences(connection, naming.CONTROL_SCHEMA, naming.CONTROL_APP)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise WorkError(
            f"control database: {found[0]}{more}", f"find out who did it, then: tenantry up --refresh --stack {naming.SHARED_STACK}"
        )
    return f"in the control database as {control_grants.FILE} says"


def _logins() -> str:
    """Whether the applications' logins are within their bounds, on the platform's server and on those that are a tenant's own."""
    try:
        stores = [store for store in TenantStore.every() if store.server]
    except (WorkError, errors.UndefinedTable):  # there is no platform yet, or none that is whole
        stores = []
    faults: list[str] = []
    closed: list[Opening] = []
    for server in [Server.from_environment(), *(store.administrator() for store in stores)]:
        with server.connect() as connection:
            faults += server_guard.faults(connection)
            closed += connect_rights.not_ours_to_shut(connection)
    if faults:
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        hint = connect_rights.remedy(closed) if closed else "tenantry up --all --refresh puts it right"
        raise WorkError("; ".join(faults[:5]) + more, hint)
    return f"within their bounds ({', '.join(login_limits.SETTINGS)})"


def _tenant_tables() -> str:
    """Whether each set of tables is at a revision that this checkout has."""
    if _no_platform():
        return "none: nothing was ever made here"
    head = revisions.head("tenant")
    made = [table_set for table_set in table_sets.survey() if table_set.version]
    for table_set in made:
        program_age.require_revision("tenant", table_set.version, f"{table_set.name} is")
    if shut := [table_set.name for table_set in made if table_set.shut]:
        more = f" and {len(shut) - SHOWN} more" if len(shut) > SHOWN else ""
        raise WorkError(
            f"shut amid a migration: {', '.join(shut[:SHOWN])}{more}", "tenantry migrate goes on there, and opens them (docs/migrations.md)"
        )
    behind = [table_set for table_set in made if table_set.version != head]
    return f"{len(made)} at revision {head}" if not behind else f"{len(behind)} of {len(made)} behind {head}: tenantry migrate"


def _shared_tables() -> str:
    """Keys and references of the cells' tables that are from before such were refused: they go on, and stand open."""
    with Server.from_environment().connect() as connection:
        databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")}
    cells = sorted({tenant.cell for tenant in admission.load().declared.values()} | {naming.MAIN_CELL})
    looked = [cell for cell in cells if naming.cell_database(cell) in databases]
    for cell in looked:
        with Server.from_environment().connect(naming.cell_database(cell)) as connection:
            found = list(table_rules.faults(connection, naming.SHARED_SCHEMA, shared=True).values())
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise WorkError(f"cell {cell}: {found[0]}{more}", "a revision that writes it so; docs/tables.md says why")
    return f"{len(looked)} looked at, tenants kept apart by every key" if looked else "none: nothing was ever made here"


def _states() -> str:
    """Whether the next run of each stack would be let in: before what it would go on with."""
    if _no_platform():
        return "none: nothing was ever made here"
    found = states.every()
    if refused := [each for each in found if each.refused]:
        # Each has its own way out: whoever takes only the first would be told of the next one afterwards.
        more = f"; and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        shown = refused[:SHOWN]
        raise WorkError("; ".join(each.problem for each in shown) + more, "; ".join(dict.fromkeys(each.hint for each in shown)))
    return f"{len(found)}, each the stack's own"


def _runs() -> str:
    with Server.from_environment().connect() as connection:
        book = Ledger.read(connection, naming.SHARED_STACK)
        if not book.claims:
            return "none: nothing was ever made here"
        rows = connection.execute("SELECT stack FROM tenantry_ledger.runs WHERE finished_at IS NULL ORDER BY stack").fetchall()
    if rows:
        names = ", ".join(row[0] for row in rows)
        broken = {stack for stack, _, _ in state_files.unreadable()}
        ready = [row[0] for row in rows if row[0] not in broken]
        hint = f"{_run_of(*ready)} resumes it" if ready else "mend its state first: the state backend, above"
        raise WorkError(f"unfinished: {names}", hint)
    return "none"


def _run_of(*stacks: str) -> str:
    """The command that runs them and whoever else waits; where it is not known who does, that is another check's."""
    try:
        return applied.Waiting.among(admission.load()).command(*stacks)
    except (InputError, WorkError):
        return f"tenantry up --stack {stacks[0]}"


def _applied() -> str:
    return applied.standing(admission.load()) if not _no_platform() else "none: nothing was ever made here"
