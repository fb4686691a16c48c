"""Groups of commands: added to the command line, and such of which one command is meant where none is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

Commands = Mapping[str, Callable[..., None]]


class WithDefault(TyperGroup):
    """A group of commands whose first word may also be a tenant: `backup acme` beside `backup list`.

    No tenant can be called like one of the commands: their names are reserved slugs.
    """

    default: ClassVar[str]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the default command before what is none."""
        words = [arg for arg in args if not arg.startswith("-")]
        asked_for_help = any(arg in ("-h", "--help") for arg in args)
        if args and not (words and words[0] in self.commands) and not (asked_for_help and not words):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


class CreateByDefault(WithDefault):
    """`backup acme` is `backup create acme`."""

    default = "create"


class ShowByDefault(WithDefault):
    """`credentials acme` is `credentials show acme`."""

    default = "show"


class RunByDefault(WithDefault):
    """`clone acme …` is `clone run acme …`."""

    default = "run"


def add(app: typer.Typer, name: str, help: str, commands: Commands, cls: type[TyperGroup] = TyperGroup) -> None:
    """Adds a group of commands, by their names; where none is named it shows its help."""
    group = typer.Typer(name=name, cls=cls, help=help, no_args_is_help=True)
    for word, command in commands.items():
        group.command(word)(command)
    app.add_typer(group)
