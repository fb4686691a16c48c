"""`tenantry backup`: one tenant's data saved, checked, listed and pruned."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import BackupId, Detach, Json, MaybeSlug, OneSlug, Slug
from tenantry.errors import InputError, WorkError

if TYPE_CHECKING:
    from tenantry.operations.backup.entries import BackupEntry


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "Save a tenant's data: `tenantry backup SLUG`, or `--all`; list, check and prune backups.\n\nExample: tenantry backup acme"
    commands: groups.Commands = {"create": create, "list": listed, "show": show, "verify": verify, "prune": prune, "renew-key": renew_key}
    groups.add(app, "backup", words, commands, groups.CreateByDefault)


def create(
    slug: OneSlug = None,
    every: Annotated[bool, typer.Option("--all", help="Every tenant that is not deleted.")] = False,
    reason: Annotated[str, typer.Option(help="Why, in a word: `schedule` is kept by the calendar, all else for 30 days.")] = "manual",
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Save all of a tenant's data: tables, registry rows and objects; compressed, encrypted with the tenant's own key, in S3.

    Example: tenantry backup acme --reason before-import

    Example: tenantry backup --all
    """
    from tenantry.commands.watching import watch
    from tenantry.operations.backup import run

    if (slug is not None) + every != 1:
        raise InputError("say which: SLUG or --all", "for example: tenantry backup acme")
    if slug is not None:
        watch([run.request(slug, reason, actor=Actor.of_environment())], detach=detach, as_json=as_json)
        return
    asked = run.request_all(reason, actor=Actor.of_environment())
    watch(asked.results, detach=detach, as_json=as_json, nothing="there is no tenant")
    asked.refuse("asking for a backup", str)


def listed(slug: MaybeSlug = None, as_json: Json = False) -> None:
    """Show the backups, newest first; given its slug, also those of a deleted tenant.

    Example: tenantry backup list acme --json
    """
    from tenantry.operations.backup import entries

    found = entries.listed(slug)
    if as_json:
        console.print_json(found)
        return
    if not found:
        console.say("there is no backup yet; tenantry backup SLUG makes one")
        return
    console.print_table(
        ("backup", "tenant", "taken", "model", "reason", "rows", "objects", "MB", "checked"),
        [
            (
                entry.id, entry.slug or slug or "(deleted)", f"{entry.taken_at:%Y-%m-%d %H:%M:%S}", entry.model, entry.reason,
                entry.rows, entry.objects, f"{(entry.bytes or 0) / 1e6:.2f}", _checked(entry),
            )
            for entry in found
        ],
    )  # fmt: skip


def show(backup_id: BackupId, as_json: Json = False) -> None:
    """Show what a backup holds: its manifest, once its signature was checked.

    Example: tenantry backup show 20261124T101500Z-3f9ac2d1
    """
    from tenantry.operations.backup import entries

    found = entries.contents(backup_id, console.say)
    content, entry = found.manifest, asdict(found.entry)
    if as_json:
        console.print_json({**entry, "manifest": content.model_dump(mode="json")})
        return
    console.print_table(("what", "value"), [(key, value) for key, value in entry.items() if value is not None])
    console.line()
    rows = [(table, figure.rows, figure.checksum) for table, figure in content.tables.items()]
    console.print_table(("table", "rows", "checksum"), [*rows, *((f"registry: {table}", n, "") for table, n in content.registry.items())])
    console.line()
    console.print_table(("part", "bytes", "sha256"), [(part.name, part.bytes, part.sha256) for part in content.parts])


def verify(
    backup_id: BackupId,
    restore: Annotated[bool, typer.Option("--restore", help="Also restore it into a scratch database and compare.")] = False,
    as_json: Json = False,
) -> None:
    """Fetch every part of a backup, decrypt it, and compare it with the signed manifest.

    Example: tenantry backup verify 20261124T101500Z-3f9ac2d1 --restore
    """
    from tenantry.operations.backup import proof as proofs

    found = proofs.verify(backup_id, restore=restore, tell=console.say)
    proof = found.proof
    if as_json:
        console.print_json({"id": backup_id, "whole": True, "restored": bool(proof), "seconds": proof.seconds if proof else None})
    else:
        said = f", and restored to what was saved: {proof.rows} rows in {proof.seconds:.1f} s" if proof else ""
        console.line(f"{backup_id}: all {found.parts} parts are what was stored{said}")


def renew_key(
    slug: Slug,
    give_up: Annotated[str, typer.Option("--give-up", metavar="SLUG", help="The same slug: its earlier backups stay unreadable.")] = "",
    as_json: Json = False,
) -> None:
    """Make a new key for a tenant's backups where both copies of the old one are lost: earlier backups stay unreadable.

    Example: tenantry backup renew-key acme --give-up acme
    """
    from tenantry.operations.backup import keys

    keys.renew(slug, give_up=give_up)
    if as_json:
        console.print_json({"slug": slug, "renewed": True})
    else:
        console.line(f"{slug}: a new key; take a backup now: tenantry backup {slug}")


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Delete the backups that retention does not keep (the setting tenantry:backupKeep, days/weeks/months).

    Example: tenantry backup prune --dry-run
    """
    from tenantry.operations.backup import retention

    gone, held = retention.prune(dry_run=dry_run)
    if as_json:
        console.print_json({"pruned": [entry.id for entry in gone], "held": held, "dry_run": dry_run})
    else:
        for entry in gone:
            console.line(f"{'would prune' if dry_run else 'pruned'} {entry.id} ({entry.slug}, {entry.reason}, {entry.state})")
        console.say(f"{len(gone)} backups {'would go' if dry_run else 'went'}")
    if held and not as_json:
        raise WorkError(
            f"{len(held)} backups are still there: {held[0]}",
            "what an object lock holds goes when its time is over; mend what keeps the others, then tenantry backup prune",
        )


def _checked(entry: BackupEntry) -> str:
    if entry.proved_at:
        return f"restored {entry.proved_at:%Y-%m-%d}"
    return f"read {entry.verified_at:%Y-%m-%d}" if entry.verified_at else "no"
