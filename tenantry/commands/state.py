"""`tenantry state`: which state is whose, and the road back where one is lost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tenantry import console
from tenantry.commands import changes, groups
from tenantry.commands.options import Json

Stack = Annotated[str, typer.Argument(metavar="STACK", help="shared, shared-CELL or a dedicated tenant's slug.")]


def register(app: typer.Typer) -> None:
    """Adds this module's group of commands."""
    words = "The engine's states: which is whose, and what to do where one is lost.\n\nExample: tenantry state list"
    groups.add(app, "state", words, {"list": list_, "adopt": adopt})


def list_(as_json: Json = False) -> None:
    """Show each stack's state: whether it is the right one, where that was seen last, and what is unsettled in it.

    Example: tenantry state list
    """
    from tenantry.operations import states

    found = states.every()
    if as_json:
        console.print_json(found)
        return
    console.print_table(
        ("stack", "state", "last seen in", "from", "at"),
        [
            (each.stack, "unsettled" if each.problem else "ok", each.backend, f"{each.folder} on {each.host}", _at(each.seen_at))
            for each in found
        ],
    )
    for each in found:
        if each.problem:
            console.line(f"{each.stack}: {each.problem}")
            console.line(f"  {each.hint}")


def adopt(
    stack: Stack,
    renew: Annotated[
        bool,
        typer.Option("--new-passwords", help="Renew the passwords that only the lost state had: applications must fetch them."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the present state the stack's, where the right one is lost or an older one is all there is.

    Whatever is there already is brought into it, nothing is made twice, and every log-in keeps working. A password that only the lost
    state had stays as it is, but the platform can no longer hand it out.

    Example: tenantry state adopt shared

    Example: tenantry state adopt acme --new-passwords
    """
    from tenantry.operations import state_adoption

    adopted = state_adoption.adopt(stack, changes.StackProgress(), lost="renew" if renew else "keep")
    if as_json:
        console.print_json({"stack": stack, "changes": dict(adopted.outcome.changes), "passwords_unknown": list(adopted.unknown)})
        return
    console.line(
        f"{stack}: {changes.counted(adopted.outcome.changes)} ({adopted.outcome.seconds:.1f} s); the state is the stack's from now on"
    )
    if adopted.unknown:
        console.line(f"The passwords of these log-ins keep working, but the platform does not know them: {', '.join(adopted.unknown)}")
        console.line(f"tenantry state adopt {stack} --new-passwords makes new ones")


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "-"
