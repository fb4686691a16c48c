"""`tenantry config …`: configuration at runtime, of one tenant and of many."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import configuration_bulk
from tenantry.commands.configuration_value import As, Key, ValueCommand, given, plain, print_changed, role_of, short
from tenantry.commands.options import Json, MaybeSlug, Slug

config = typer.Typer(
    help="Configuration at runtime: values, history, bulk changes, drift from the files.\n\nExample: tenantry config get acme",
    no_args_is_help=True,
)

MaybeKey = Annotated[str | None, typer.Argument(metavar="[KEY]", help="One key; all when left out.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.add_typer(config, name="config")


@config.command()
def keys(
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table of docs/configuration.md.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print a JSON Schema of values by key.")] = False,
) -> None:
    """Show every key: its type, range and default, who may change it, and what wins over the file.

    Example: tenantry config keys --schema > configuration.schema.json
    """
    from tenantry.declaration import values
    from tenantry.declaration.keys import CONFIGURATION_KEYS
    from tenantry.declaration.reference import configuration_table

    if markdown:
        console.document(configuration_table())
    elif schema:
        console.print_json(values.json_schema())
    elif as_json:
        console.print_json([{**asdict(key), "wins": values.winner(key)} for key in CONFIGURATION_KEYS.values()])
    else:
        rows = [
            (key.key, key.type, _range(key.minimum, key.maximum), short(key.default), _may(key.editor, key.runtime), values.winner(key))
            for key in CONFIGURATION_KEYS.values()
        ]
        console.print_table(("key", "type", "range", "default", "changed by", "wins"), rows)


@config.command()
def get(slug: Slug, key: MaybeKey = None, as_json: Json = False) -> None:
    """Show the values in force, where each comes from, and who may change it. With a KEY, its value alone.

    Example: tenantry config get acme theme.primary
    """
    from tenantry.operations import configure

    found = configure.settings(slug, key)
    if as_json:
        shown = [asdict(setting) for setting in found]
        console.print_json(shown if key is None else shown[0])
    elif key is not None:
        if found[0].value is None:
            console.say(f"{key} has no value")
        else:
            console.document(plain(found[0].value))
        over = f"; declared: {short(found[0].declared)}" if found[0].source == "runtime" else ""
        console.say(f"({found[0].source}{over}; changed by: {_may(found[0].editor, found[0].runtime)})")
    else:
        rows = [(s.key, short(s.value), s.source, _may(s.editor, s.runtime), s.updated_by) for s in found]
        console.print_table(("key", "value", "source", "changed by", "last changed by"), rows)


@config.command(name="set", cls=ValueCommand)
def put(
    slug: Slug,
    key: Key,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="As in the file.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the value from a file: CSS, an e-mail's text.")] = None,
    editor: As = "platform",
    as_json: Json = False,
) -> None:
    """Set a value at runtime. It is checked as in a file; a value that the file says as well is no override.

    Example: tenantry config set acme features.exports false --as tenant-admin
    """
    from tenantry.declaration.values import from_text, settable
    from tenantry.operations import configure

    editor_role = role_of(editor)
    text = given(value, file)
    checked = from_text(settable(key, editor_role), text)
    print_changed(configure.put(slug, key, checked, editor=editor_role, actor=Actor.of_environment()), as_json)


@config.command()
def unset(slug: Slug, key: Key, editor: As = "platform", as_json: Json = False) -> None:
    """Remove a value that was set at runtime: the declared value, or the default, is in force again.

    Example: tenantry config unset acme theme.primary
    """
    from tenantry.operations import configure

    print_changed(configure.take_back(slug, key, editor=role_of(editor), actor=Actor.of_environment()), as_json)


@config.command()
def history(
    slug: Slug,
    key: MaybeKey = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="Changes at most, the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who changed what, when, from what to what, and in which run.

    Example: tenantry config history acme theme.primary
    """
    from tenantry.operations import configure

    found = configure.history(slug, key, limit)
    if as_json:
        console.print_json(found)
        return
    lines = []
    for row in found:
        when, after = f"{row.changed_at:%Y-%m-%d %H:%M:%S}", row.source if row.new_value is not None else "removed"
        lines.append((when, row.changed_by, row.config_key, short(row.old_value), short(row.new_value), after, row.run_id))
    console.print_table(("when", "who", "key", "old", "new", "source", "run"), lines)


config.command(cls=ValueCommand)(configuration_bulk.bulk)
config.command()(configuration_bulk.undo)


@config.command()
def drift(
    slug: MaybeSlug = None,
    as_json: Json = False,
) -> None:
    """Show where runtime, the applied declaration and the files differ, and what the next `up` makes of it.

    After an edit of a tier's defaults it shows what that does to each tenant, and where a value set at runtime stands against it.

    Example: tenantry config drift acme
    """
    from tenantry.declaration.store import DeclarationStore
    from tenantry.operations import configure

    found = configure.drift(DeclarationStore.of_platform().load(), slug)
    if as_json:
        console.print_json(found)
    elif found:
        rows = [(d.slug, d.key, short(d.file), short(d.declared), short(d.value), d.next) for d in found]
        console.print_table(("tenant", "key", "file", "applied", "in force", "next"), rows)
    else:
        console.say("no drift: every value in force is the declared one")


@config.command(name="write-back")
def write_back(
    slug: Slug,
    chosen: Annotated[list[str] | None, typer.Argument(metavar="[KEY…]", help="All that differ when left out.", show_default=False)] = None,
    show: Annotated[bool, typer.Option("--diff", help="Only show the change of the file.")] = False,
    as_json: Json = False,
) -> None:
    """Write what was set at runtime into the tenant's file, for review. Comments and formatting stay; the next `up` makes it declared.

    Example: tenantry config write-back acme theme.primary --diff
    """
    from tenantry.operations import write_back as operation
    from tenantry.settings import tenants_dir

    done = operation.write_back(slug, tenants_dir(), chosen or None, dry=show)
    if as_json:
        console.print_json(done)
    elif not done.keys:
        console.say(f"nothing to write: no value of {slug} differs from its file")
    else:
        console.document(done.diff)
        if not show:
            console.say(f"{done.file} written: {', '.join(done.keys)}; have it reviewed, then `tenantry up {slug}` makes it declared")


def _may(editor: str, runtime: bool) -> str:
    return "the file only" if not runtime else "platform" if editor == "platform" else "tenant admin"


def _range(minimum: int | None, maximum: int | None) -> str:
    return "" if minimum is None else f"{minimum:,} to {maximum:,}"
