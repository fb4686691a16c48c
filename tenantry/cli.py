"""The command line: what each command does is in tenantry/commands/; errors become one line what, one line what to do, and an exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from tenantry.errors import TenantryError, WorkError

INTERRUPTED = 130
"""What a command that Ctrl-C ended gives; Typer turns the interruption into it."""

app = typer.Typer(
    name="tenantry",
    help="Sets up, changes and removes the tenants of a white-label SaaS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    tenants: str = typer.Option("", "--tenants", metavar="DIR", help="Read the declarations from another folder than tenants/."),
) -> None:
    """Options of every command."""
    if debug:
        os.environ["TENANTRY_DEBUG"] = "1"
    if tenants:
        os.environ["TENANTRY_TENANTS"] = str(Path(tenants).absolute())


def _register() -> None:
    from tenantry.commands import (
        backups,
        clones,
        configuration,
        cron,
        declarations,
        engine,
        lifecycle,
        local,
        mail,
        migrate,
        moves,
        row_context,
        runs,
    )

    ours = (declarations, engine, runs, lifecycle, configuration, backups, moves, clones, migrate, row_context, cron, mail, local)
    for module in ours:
        module.register(app)


def _unexpected(error: Exception) -> TenantryError:
    """What no part of the program foresaw, as the two lines that people get of everything else."""
    first = (str(error).strip().splitlines() or [""])[0]
    if type(error).__name__ in ("UndefinedTable", "UndefinedColumn", "InvalidSchemaName"):
        return WorkError(f"the control database is not at this program's version: {first}", "bring it there: tenantry up --stack shared")
    if type(error).__module__.startswith("psycopg"):
        return WorkError(f"PostgreSQL: {first}", "run the same command again when the server answers; tenantry doctor looks at it")
    return WorkError(f"unexpected {type(error).__name__}: {first}", "tenantry --debug … shows the traceback; please report it")


def main() -> None:
    """Entry point of the ``tenantry`` command. Exit codes: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted."""
    # What this process and the engine that it starts write may hold secrets: it is theirs alone, from the first moment.
    os.umask(0o077)
    _register()
    from tenantry import console

    try:
        app()
    except Exception as raised:
        if os.environ.get("TENANTRY_DEBUG"):
            console.trace(raised)
        error = raised if isinstance(raised, TenantryError) else _unexpected(raised)
        if "--json" in sys.argv:
            console.print_json({"error": error.message, "hint": error.hint})
        else:
            console.complain(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit) as ended:
        if isinstance(ended, SystemExit) and ended.code != INTERRUPTED:
            raise
        console.say("interrupted; run the same command again to go on")
        sys.exit(INTERRUPTED)
