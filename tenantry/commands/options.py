"""Arguments and options that several commands have: one name, one help text, one completion for all of them."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry.commands import completion

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Detach = Annotated[bool, typer.Option("--detach", help="Only request it, and print the run: a worker does it.")]

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The tenant.", autocompletion=completion.slugs)]
MaybeSlug = Annotated[
    str | None,
    typer.Argument(metavar="[SLUG]", help="One tenant; all when left out.", show_default=False, autocompletion=completion.slugs),
]
OneSlug = Annotated[str | None, typer.Argument(metavar="[SLUG]", help="One tenant.", show_default=False, autocompletion=completion.slugs)]
"""Where something else can be said instead, such as ``--all``."""
Slugs = Annotated[
    list[str] | None, typer.Argument(metavar="[SLUG…]", help="The tenants.", show_default=False, autocompletion=completion.slugs)
]
"""As ``OneSlug``, of several."""

BackupId = Annotated[str, typer.Argument(metavar="ID", help="The backup's id.")]
