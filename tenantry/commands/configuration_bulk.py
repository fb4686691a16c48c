"""`tenantry config bulk|undo`: one key of many tenants, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import completion
from tenantry.commands.configuration_value import Key, given, short
from tenantry.commands.options import Detach, Json
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.operations.configure_bulk import Preview


def bulk(
    key: Key,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="As in a file.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the value from a file.")] = None,
    tier: Annotated[list[str] | None, typer.Option("--tier", metavar="T", help="Of this tier; may be repeated.")] = None,
    cell: Annotated[list[str] | None, typer.Option("--cell", metavar="C", help="In this cell; may be repeated.")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", metavar="K=V", help="With this label; with all, if repeated.")] = None,
    where: Annotated[list[str] | None, typer.Option("--where", metavar="KEY=VALUE", help="Where that value is in force.")] = None,
    state: Annotated[list[str] | None, typer.Option("--state", metavar="S", help="In this state (default: active, suspended).")] = None,
    slug: Annotated[
        list[str] | None, typer.Option("--slug", metavar="SLUG", help="This tenant; may be repeated.", autocompletion=completion.slugs)
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Without: show what would change.")] = False,
    plan: Annotated[str | None, typer.Option("--plan", metavar="ID", help="With --apply: only if the preview still has this id.")] = None,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Set one key for many tenants: first a preview, then with --apply one transaction per cell. `config undo RUN` takes it back.

    Example: tenantry config bulk limits.users 25 --tier starter

    Example: tenantry config bulk limits.users 25 --tier starter --apply --plan 3f0c9a417be2d855
    """
    from tenantry.commands.watching import watch
    from tenantry.declaration.values import from_text, settable
    from tenantry.operations import configure_bulk

    checked = from_text(settable(key, "platform"), given(value, file))
    selection = configure_bulk.select(
        tiers=tier or (),
        cells=cell or (),
        labels=_pairs(label, "--label"),
        where=_pairs(where, "--where"),
        states=state or (),
        slugs=slug or (),
    )
    previewed = configure_bulk.preview(key, checked, selection)
    configure_bulk.require(previewed, plan)
    if not apply:
        _print_preview(previewed, as_json)
    elif previewed.changes:
        watch([configure_bulk.request(previewed, actor=Actor.of_environment())], detach=detach, as_json=as_json)
    elif as_json:
        console.print_json([])
    else:
        console.say(f"nothing to change: all {len(previewed.tenants)} chosen tenants have {key} = {short(checked)}")


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run of a bulk change, or of an undo.")],
    apply: Annotated[bool, typer.Option("--apply/--preview", help="Do it (default), or show what would go back.")] = True,
    skip_changed: Annotated[bool, typer.Option("--skip-changed", help="Leave rows that were changed since as they are.")] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Undo a bulk change exactly: values and sources are restored, rows that were not there are removed. All of it, or nothing.

    Example: tenantry config undo 7c3f9a52-… --preview
    """
    from tenantry.commands.watching import watch
    from tenantry.operations import configure_bulk, runs

    run_id = runs.require_id(run, "tenantry config history SLUG shows the runs of a tenant's changes")
    if apply:
        watch(
            [configure_bulk.request_undo(run_id, skip_changed=skip_changed, actor=Actor.of_environment())], detach=detach, as_json=as_json
        )
        return
    rows = configure_bulk.undo_preview(run_id)
    if as_json:
        console.print_json(rows)
        return
    console.print_table(
        ("tenant", "key", "now", "back", "source", ""),
        [(r.slug, r.key, short(r.now), short(r.back), r.back_source, "changed since" if r.changed_since else "") for r in rows],
    )


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {text!r} has no '='", f"for example: {option} name=value")
        pairs[name] = value
    return pairs


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
        (c.slug, c.cell, f"{short(c.old)} ({c.old_source})" if c.old_source else "no row", f"{short(c.new)} ({c.source})")
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
