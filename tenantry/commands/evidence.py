"""`tenantry legal-hold|deletion|quarantine`: what keeps a deletion from happening, and what it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Json, MaybeSlug, Slug
from tenantry.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def register(app: typer.Typer) -> None:
    """Adds this module's groups of commands."""
    words = "Legal holds: nothing of the tenant is deleted while one stands.\n\nExample: tenantry legal-hold list"
    groups.add(app, "legal-hold", words, {"set": legal_set, "clear": legal_clear, "list": legal_list})
    words = "Signed records of deletions.\n\nExample: tenantry deletion list"
    records: groups.Commands = {
        "list": deletion_list,
        "show": deletion_show,
        "export": deletion_export,
        "verify": deletion_verify,
        "key": deletion_key,
    }
    groups.add(app, "deletion", words, records)
    words = "Names of deleted tenants, which cannot be reused yet.\n\nExample: tenantry quarantine list"
    groups.add(app, "quarantine", words, {"list": quarantine_list, "release": quarantine_release})


def legal_set(
    slug: Slug,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown to anyone who tries to delete the tenant.")],
    as_json: Json = False,
) -> None:
    """Set a legal hold, or give the one that stands another reason.

    Example: tenantry legal-hold set acme --reason "court order 12/26"
    """
    from tenantry.operations.lifecycle import legal_holds

    kept = legal_holds.place(slug, reason, actor=Actor.of_environment())
    _done({"slug": slug, "legal_hold": kept}, f"{slug} is under a legal hold: {kept}", as_json)


def legal_clear(slug: Slug, as_json: Json = False) -> None:
    """Lift a legal hold.

    Example: tenantry legal-hold clear acme
    """
    from tenantry.operations.lifecycle import legal_holds

    legal_holds.lift(slug, actor=Actor.of_environment())
    _done({"slug": slug, "legal_hold": None}, f"{slug} is no longer under a legal hold", as_json)


def legal_list(slug: MaybeSlug = None, as_json: Json = False) -> None:
    """Show the legal holds, those that were lifted too.

    Example: tenantry legal-hold list acme
    """
    from tenantry.operations.lifecycle import legal_holds

    _table(legal_holds.listed(slug), ("slug", "reason", "set_by", "set_at", "cleared_by", "cleared_at"), as_json)


def deletion_list(as_json: Json = False) -> None:
    """Show which tenants were deleted or archived.

    Example: tenantry deletion list --json
    """
    from tenantry.operations.lifecycle import records

    _table(records.listed(), ("at", "slug", "outcome", "id", "key_id"), as_json)


Name = Annotated[str, typer.Argument(metavar="ID|SLUG", help="The record's id, or a slug: its newest record.")]


def deletion_show(name: Name, as_json: Json = False) -> None:
    """Show a record: what existed, what was destroyed, until when backups persist.

    Example: tenantry deletion show acme
    """
    import json

    from tenantry.operations.lifecycle import records

    record = records.exported(name).record
    if as_json:
        console.print_json(record)
        return
    rows = [(key, value) for key, value in record.items() if not isinstance(value, dict)]
    rows += [(f"{key}: {name}", value) for key, part in record.items() if isinstance(part, dict) for name, value in part.items()]
    console.print_table(
        ("what", "value"),
        [(key.replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) for key, value in rows],
    )


def deletion_export(name: Name) -> None:
    """Print a record with its signature, as JSON: to be kept, and checked anywhere.

    Example: tenantry deletion export acme > acme-deletion.json
    """
    from tenantry.operations.lifecycle import records

    console.print_json(records.exported(name))


def deletion_verify(
    what: Annotated[str, typer.Argument(metavar="FILE|ID|SLUG", help="An exported record, or one of the registry.")],
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The platform's public key: then no server is asked.")] = None,
    as_json: Json = False,
) -> None:
    """Check that a record is as it was signed.

    Example: tenantry deletion verify acme-deletion.json --key tenantry.pem
    """
    from tenantry.operations.lifecycle import records

    file = Path(what)
    document = records.read(_bytes(file), str(file)) if file.is_file() else asdict(records.exported(what))
    found = records.verify(document, _bytes(key) if key else None)
    record = found.record
    _done(
        {"valid": True, **asdict(found)},
        f"valid: {record['tenant']['slug']} was {record['outcome']} at {record['at']}, signed with the key {found.key_id}",
        as_json,
    )


def deletion_key() -> None:
    """Print the platform's public key (PEM): keep it where records are checked.

    Example: tenantry deletion key > tenantry.pem
    """
    from tenantry.operations.lifecycle import records

    console.document(records.public_key())


def quarantine_list(as_json: Json = False) -> None:
    """Show the names that cannot be reused yet.

    Example: tenantry quarantine list
    """
    from tenantry.operations import quarantine

    _table(quarantine.listed(), ("kind", "name", "since", "until"), as_json)


def quarantine_release(name: Annotated[str, typer.Argument(metavar="NAME", help="A slug or a host name.")], as_json: Json = False) -> None:
    """Release a name before its time. A slug brings its old id along: see docs/offboarding.md first.

    Example: tenantry quarantine release acme
    """
    from tenantry.operations import quarantine

    quarantine.release(name)
    _done({"name": name, "released": True}, f"{name} may be used again", as_json)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _done(data: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        console.print_json(data)
    else:
        console.line(text)


def _table(entries: Sequence[DataclassInstance], columns: tuple[str, ...], as_json: bool) -> None:
    rows = [asdict(entry) for entry in entries]
    if as_json:
        console.print_json(rows)
        return
    console.print_table([column.replace("_", " ") for column in columns], [[_short(row[column]) for column in columns] for row in rows])


def _short(value: Any) -> object:
    from datetime import datetime

    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value
