"""Groups of commands one of which is meant where none is named: `backup acme` beside `backup list`."""

from __future__ import annotations

from typing import Any, ClassVar

from typer.core import TyperGroup


class WithDefault(TyperGroup):
    """A group of commands whose first word may also be a tenant.

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


class RunByDefault(WithDefault):
    """`clone acme …` is `clone run acme …`."""

    default = "run"
