"""Forks commands: ``python -m tests.forks`` is the process that has read their modules."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path
from typing import Final

from tenantry import preload
from tests.forking import serve

COMMANDS = Path(__file__).parents[1] / "tenantry" / "commands"
READ: Final = (
    "pulumi.automation", "tenantry.cli", *preload.STORES, *preload.REST,
    *(f"tenantry.commands.{file.stem}" for file in sorted(COMMANDS.glob("[a-z]*.py"))),
    "tenantry.engine.automation", "tenantry.operations.catalogue", "tenantry.work.worker",
)  # fmt: skip
"""No module of ours may import a kill point's function by name: it would keep the one that does not kill, and the test would say that
nothing was killed."""


def main() -> None:
    for module in READ:
        import_module(module)
    import typer.main

    from local.engine import roads
    from tenantry import cli, hosts
    from tenantry.engine import workspace

    hosts.suffixes()  # read once, too
    if engine := roads.locate():
        os.environ["PATH"] = f"{engine}{os.pathsep}{os.environ['PATH']}"
        workspace.command()  # asks the engine for its version
    cli._register()
    command = typer.main.get_command(cli.app)  # and so many commands made
    cli._register, typer.main.get_command = lambda: None, lambda app: command
    gc.collect()
    gc.freeze()
    work = serve()
    if work is None:
        return
    work.enter()
    sys.argv = ["tenantry", *work.arguments]
    sys.modules["__main__"].__package__ = None  # usage messages then name the program as it is called
    if work.before:
        work.before()
    code = 1
    try:
        cli.main()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # shown, as by the interpreter
        traceback.print_exc()
    finally:
        # All of an interpreter's end but taking every module apart, which takes a third of most commands' time.
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
