"""The command line: what each command does is in tenantry/commands/; errors become one line what, one line what to do, and an exit code."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import typer

from tenantry import waiting
from tenantry.commands.overview import Overview
from tenantry.errors import InputError, TenantryError, TransientError, WorkError

INTERRUPTED = 130
"""What a command that Ctrl-C ended gives; Typer turns the interruption into it."""

app = typer.Typer(
    name="tenantry",
    help="""Sets up, changes and removes the tenants of a white-label SaaS.

    Example: tenantry status
    """,
    cls=Overview,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    """Prints the program's version and the engine's that it is made for, then ends."""
    if not asked:
        return
    from importlib import metadata

    from tenantry import console

    wanted = next((each for each in metadata.requires("tenantry") or () if each.startswith("pulumi==")), "")
    engine = f" (Pulumi engine {wanted.removeprefix('pulumi==')})" if wanted else ""
    console.line(f"tenantry {metadata.version('tenantry')}{engine}")
    raise typer.Exit


@app.callback()
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    tenants: str = typer.Option("", "--tenants", metavar="DIR", help="Read the declarations from another folder than tenants/."),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version, and the Pulumi engine's that it is made for."
    ),
) -> None:
    """Options of every command."""
    if debug:
        os.environ["TENANTRY_DEBUG"] = "1"
    if tenants:
        os.environ["TENANTRY_TENANTS"] = str(Path(tenants).absolute())


def _register() -> None:
    from tenantry.commands import (
        admins,
        audit,
        backups,
        branding,
        clones,
        configuration,
        credentials,
        cron,
        declarations,
        email_domains,
        engine,
        invitations,
        keys,
        lifecycle,
        local,
        mail,
        migrate,
        moves,
        portal,
        proposals,
        restores,
        row_context,
        runs,
        sso,
        standing,
        state,
        users,
        webhooks,
    )

    ours = (
        declarations,
        engine,
        standing,
        invitations,
        email_domains,
        sso,
        users,
        portal,
        runs,
        audit,
        lifecycle,
        configuration,
        branding,
        credentials,
        backups,
        restores,
        moves,
        clones,
        migrate,
        row_context,
        keys,
        admins,
        webhooks,
        proposals,
        cron,
        mail,
        state,
        local,
    )
    for module in ours:
        module.register(app)


def _unexpected(error: Exception) -> TenantryError:
    """What no part of the program foresaw, as the two lines that people get of everything else."""
    first = (str(error).strip().splitlines() or [""])[0]
    if hasattr(error, "format_message"):  # Typer's own, of a command line that it cannot read
        context = getattr(error, "ctx", None)
        return InputError(error.format_message(), f"{context.command_path} --help" if context else "tenantry --help")
    if type(error).__name__ == "DiskFull":
        return WorkError(
            f"PostgreSQL: {first}", "its disk is full: make room on the server, then run the same command again", code="disk.full"
        )
    if type(error).__module__.startswith("psycopg"):
        from tenantry.operations import control_version  # psycopg is loaded by now; to start the program it is not

        if isinstance(error, control_version.MISSING):
            return control_version.explained(error)
        return WorkError(f"PostgreSQL: {first}", "run the same command again when the server answers; tenantry doctor looks at it")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkError(
            f"no space left: {error.filename or first}", "free some (df -h), then repeat the command: it resumes", code="disk.full"
        )
    if isinstance(error, subprocess.TimeoutExpired):
        program = Path(error.cmd[0] if isinstance(error.cmd, list | tuple) else error.cmd).name
        return WorkError(f"{program} has not answered for {error.timeout:g} s and was ended", "run the same command again")
    if isinstance(error, PermissionError):
        whose = f"see whose it is: ls -ld {error.filename}" if error.filename else "run it as the user who owns the files"
        return WorkError(f"permission denied: {error.filename or first}", whose)
    return WorkError(
        f"unexpected {type(error).__name__}: {first}", "tenantry --debug … shows the traceback; please report it", code="program.unexpected"
    )


def _tell(line: str) -> None:
    """On a terminal in the place of the line that is overwritten."""
    from tenantry import console

    console.say(line, over=True)


def _moved() -> str:
    """What to do where this shell's variables lead to ports that the local cloud has left; nothing where they do not."""
    from tenantry.commands import local

    try:
        moved = local.moved()
    except Exception:  # a second error would hide the first
        return ""
    return f'the local cloud has {moved} by now: eval "$(tenantry local env)", then run the same command again' if moved else ""


def main() -> None:
    """Entry point of the ``tenantry`` command. Exit codes: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted."""
    # What this process and the engine that it starts write may hold secrets: it is theirs alone, from the first moment.
    os.umask(0o077)
    _register()
    from tenantry import console

    console.begin()
    waiting.watch(_tell)
    for_program = "--json" in sys.argv
    try:
        # Standing alone, Typer says itself what is wrong with a command line: in a box, to programs too, with arguments as they are.
        ended_with = app(standalone_mode=False)
        if ended_with:
            raise SystemExit(ended_with)
    except Exception as raised:
        if type(raised).__name__ in ("NoArgsIsHelpError", "Abort"):
            if hasattr(raised, "show"):
                raised.show()  # the help, which is ours
            else:
                console.say("nothing was done")
            sys.exit(2 if hasattr(raised, "show") else 1)
        if os.environ.get("TENANTRY_DEBUG"):
            console.trace(raised)
        error = raised if isinstance(raised, TenantryError) else _unexpected(raised)
        if isinstance(error, TransientError) and (elsewhere := _moved()):
            error.hint = elsewhere
        if for_program:
            console.complain_in_json(error)
        else:
            console.complain(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit) as ended:
        if isinstance(ended, SystemExit) and ended.code != INTERRUPTED:
            raise
        console.say("interrupted; repeat the command to resume")
        sys.exit(INTERRUPTED)
