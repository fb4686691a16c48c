"""`tenantry config …`: configuration at runtime, of one tenant and of many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from tenantry import console
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.declaration.keys import Editor
    from tenantry.operations.configure import Changed
    from tenantry.operations.configure_bulk import Preview

config = typer.Typer(help="Configuration at runtime: values, history, bulk changes, drift from the files.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The tenant.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="For example features.reports; tenantry config keys shows them all.")]
MaybeKey = Annotated[str | None, typer.Argument(metavar="[KEY]", help="One key; all when left out.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
As = Annotated[
    Literal["platform", "tenant-admin"], typer.Option("--as", help="Whose right to change the key is asked for.", show_default=True)
]


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
        typer.echo(configuration_table(), nl=False)
    elif schema:
        console.print_json(values.json_schema())
    elif as_json:
        console.print_json([{**asdict(key), "wins": values.winner(key)} for key in CONFIGURATION_KEYS.values()])
    else:
        rows = [
            (key.key, key.type, _range(key.minimum, key.maximum), _short(key.default), _may(key.editor, key.runtime), values.winner(key))
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
            print(_plain(found[0].value))
        over = f"; declared: {_short(found[0].declared)}" if found[0].source == "runtime" else ""
        console.say(f"({found[0].source}{over}; changed by: {_may(found[0].editor, found[0].runtime)})")
    else:
        rows = [(s.key, _short(s.value), s.source, _may(s.editor, s.runtime), s.updated_by) for s in found]
        console.print_table(("key", "value", "source", "changed by", "last changed by"), rows)


@config.command(name="set")
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
    from tenantry.commands.runs import person
    from tenantry.declaration.values import changeable, from_text
    from tenantry.operations import configure

    role = _role(editor)
    text = _text(value, file)
    checked = from_text(changeable(key, role), text)
    _print_changed(configure.put(slug, key, checked, editor=role, by=person()), as_json)


@config.command()
def unset(slug: Slug, key: Key, editor: As = "platform", as_json: Json = False) -> None:
    """Take back what was set at runtime: the declared value, or the default, is in force again.

    Example: tenantry config unset acme theme.primary
    """
    from tenantry.commands.runs import person
    from tenantry.operations import configure

    _print_changed(configure.take_back(slug, key, editor=_role(editor), by=person()), as_json)


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

    rows = configure.history(slug, key, limit)
    if as_json:
        console.print_json(rows)
        return
    lines = []
    for row in rows:
        when, after = f"{row['changed_at']:%Y-%m-%d %H:%M:%S}", row["source"] if row["new_value"] is not None else "removed"
        lines.append((when, row["changed_by"], row["config_key"], _short(row["old_value"]), _short(row["new_value"]), after, row["run_id"]))
    console.print_table(("when", "who", "key", "old", "new", "source", "run"), lines)


@config.command()
def bulk(
    key: Key,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="As in a file.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the value from a file.")] = None,
    tier: Annotated[list[str] | None, typer.Option("--tier", metavar="T", help="Of this tier; may be repeated.")] = None,
    cell: Annotated[list[str] | None, typer.Option("--cell", metavar="C", help="In this cell; may be repeated.")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", metavar="K=V", help="With this label; with all, if repeated.")] = None,
    where: Annotated[list[str] | None, typer.Option("--where", metavar="KEY=VALUE", help="Where that value is in force.")] = None,
    state: Annotated[list[str] | None, typer.Option("--state", metavar="S", help="In this state (default: active, suspended).")] = None,
    slug: Annotated[list[str] | None, typer.Option("--slug", metavar="SLUG", help="This tenant; may be repeated.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Without: show what would change.")] = False,
    plan: Annotated[str | None, typer.Option("--plan", metavar="ID", help="With --apply: only if the preview still has this id.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="With --apply: leave it to a worker, and print the run.")] = False,
    as_json: Json = False,
) -> None:
    """Set one key for many tenants: first a preview, then with --apply one transaction per cell. `config undo RUN` takes it back.

    Example: tenantry config bulk limits.users 25 --tier starter

    Example: tenantry config bulk limits.users 25 --tier starter --apply --plan 3f0c9a417be2d855
    """
    from tenantry.commands.runs import person, watch
    from tenantry.declaration.values import changeable, from_text
    from tenantry.operations import configure_bulk

    checked = from_text(changeable(key, "platform"), _text(value, file))
    selection = configure_bulk.select(
        tiers=tier or (),
        cells=cell or (),
        labels=_pairs(label, "--label"),
        where=_pairs(where, "--where"),
        states=state or (),
        slugs=slug or (),
    )
    previewed = configure_bulk.preview(key, checked, selection)
    if not previewed.tenants:
        raise InputError("no tenant is chosen", "tenantry status shows the tenants; leave conditions out to choose more")
    if plan is not None and plan != previewed.plan:
        raise InputError(f"the preview is {previewed.plan} by now, not {plan}", "look at it again: the same command without --apply")
    if not apply:
        _print_preview(previewed, as_json)
    elif previewed.changes:
        watch([configure_bulk.request(previewed, by=person())], detach=detach, as_json=as_json)
    elif as_json:
        console.print_json([])
    else:
        console.say(f"nothing to change: all {len(previewed.tenants)} chosen tenants have {key} = {_short(checked)}")


@config.command()
def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run of a bulk change, or of an undo.")],
    apply: Annotated[bool, typer.Option("--apply/--preview", help="Do it (default), or show what would go back.")] = True,
    skip_changed: Annotated[bool, typer.Option("--skip-changed", help="Leave rows that were changed since as they are.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to a worker, and print the run.")] = False,
    as_json: Json = False,
) -> None:
    """Undo a bulk change exactly: values and sources go back, rows that were not there go. All of it, or nothing.

    Example: tenantry config undo 7c3f9a52-… --preview
    """
    from uuid import UUID

    from tenantry.commands.runs import person, watch
    from tenantry.operations import configure_bulk

    try:
        run_id = UUID(run)
    except ValueError:
        raise InputError(f"{run!r} is not a run's id", "tenantry config history SLUG shows the runs of a tenant's changes") from None
    if apply:
        watch([configure_bulk.request_undo(run_id, skip_changed=skip_changed, by=person())], detach=detach, as_json=as_json)
        return
    rows = configure_bulk.undo_preview(run_id)
    if as_json:
        console.print_json([asdict(row) for row in rows])
        return
    console.print_table(
        ("tenant", "key", "now", "back", "source", ""),
        [(r.slug, r.key, _short(r.now), _short(r.back), r.back_source, "changed since" if r.changed_since else "") for r in rows],
    )


@config.command()
def drift(
    slug: Annotated[str | None, typer.Argument(metavar="[SLUG]", help="One tenant; all when left out.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show where runtime, the applied declaration and the files differ, and what the next `up` makes of it.

    After an edit of a tier's defaults it shows what that does to each tenant, and where a value set at runtime stands against it.

    Example: tenantry config drift acme
    """
    from tenantry.declaration import load
    from tenantry.operations import configure
    from tenantry.settings import tenants_dir

    found = configure.drift(load(tenants_dir()), slug)
    if as_json:
        console.print_json([asdict(entry) for entry in found])
    elif found:
        rows = [(d.slug, d.key, _short(d.file), _short(d.declared), _short(d.value), d.next) for d in found]
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
        console.print_json(asdict(done))
    elif not done.keys:
        console.say(f"nothing to write: no value of {slug} differs from its file")
    else:
        print(done.diff, end="")
        if not show:
            console.say(f"{done.file} written: {', '.join(done.keys)}; have it reviewed, then `tenantry up {slug}` makes it declared")


def _role(editor: str) -> Editor:
    return cast("Editor", editor.replace("-", "_"))


def _text(value: str | None, file: Path | None) -> str:
    if (value is None) == (file is None):
        raise InputError("say the value: VALUE or --file PATH", "for example: tenantry config set acme features.exports false")
    if file is None:
        return str(value)
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}", "name a text file in UTF-8") from None


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {text!r} has no '='", f"for example: {option} name=value")
        pairs[name] = value
    return pairs


def _print_changed(done: Changed, as_json: bool) -> None:
    if as_json:
        console.print_json({**asdict(done), "changed": done.changed})
    elif done.changed:
        print(f"{done.slug} {done.key}: {_short(done.old)} ({done.old_source}) → {_short(done.value)} ({done.source})")
    else:
        print(f"{done.slug} {done.key}: {_short(done.value)} ({done.source}), as before")


def _print_preview(previewed: Preview, as_json: bool) -> None:
    if as_json:
        changes = [
            {"tenant": c.slug, "cell": c.cell, "old": c.old, "old_source": c.old_source, "new": c.new, "source": c.source}
            for c in previewed.changes
        ]
        shown = {"key": previewed.key, "value": previewed.value, "chosen": len(previewed.tenants), "plan": previewed.plan}
        console.print_json({**shown, "cells": previewed.cells, "changes": changes})
        return
    from tenantry.operations import configure_bulk

    rows = [
        (c.slug, c.cell, f"{_short(c.old)} ({c.old_source})" if c.old_source else "no row", f"{_short(c.new)} ({c.source})")
        for c in previewed.changes
    ]
    if rows:
        console.print_table(("tenant", "cell", f"{previewed.key} now", "then"), rows)
    per_cell = ", ".join(f"{count} in {cell}" for cell, count in previewed.cells.items())
    same = len(previewed.tenants) - len(rows)
    would = f"{configure_bulk.counted(len(rows))} would change{f' ({per_cell})' if per_cell else ''}"
    console.say(f"{would}, {same} have that value; nothing was changed")
    if rows:
        console.say(f"to do just this: the same command with --apply --plan {previewed.plan}")


def _may(editor: str, runtime: bool) -> str:
    return "the file only" if not runtime else "platform" if editor == "platform" else "tenant admin"


def _range(minimum: int | None, maximum: int | None) -> str:
    return "" if minimum is None else f"{minimum:,} to {maximum:,}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _short(value: Any) -> str:
    """One line of at most 40 characters."""
    text = "-" if value is None else " ".join(_plain(value).split())
    return text if len(text) <= 40 else f"{text[:39]}…"
