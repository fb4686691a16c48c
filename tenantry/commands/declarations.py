"""``tenantry schema | new | render | list``: what can be done with declarations without touching anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenantry import console
from tenantry.commands import validate
from tenantry.commands.options import Json, MaybeSlug
from tenantry.settings import tenants_dir

if TYPE_CHECKING:
    from tenantry.declaration import TenantDeclaration
    from tenantry.declaration.history import TenantChange


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the command line, and `validate`, which belongs to them."""
    app.command(name="validate")(validate.validate)
    for name, command in (("schema", schema), ("new", new), ("render", render), ("list", list_tenants)):
        app.command(name)(command)


def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the key reference (docs/declaration.md) instead.")] = False,
) -> None:
    """Print the JSON Schema of a tenant's file, for editors.

    Example: tenantry schema > tenants/schema.json
    """
    from tenantry.declaration.files import FileReader
    from tenantry.declaration.reference import render as reference
    from tenantry.declaration.schema import file_schema

    if markdown:
        console.document(reference())
    else:
        console.print_json(file_schema(FileReader(tenants_dir()).tiers))


def new(
    slug: Annotated[str, typer.Argument(help="The new tenant's slug; it becomes the file's name.")],
    tier: Annotated[str, typer.Option(help="What the tenant starts from: a file in tenants/defaults/.")],
    name: Annotated[str | None, typer.Option(help="The tenant's name.")] = None,
    email: Annotated[str | None, typer.Option(help="The first administrator's address.")] = None,
    isolation: Annotated[str | None, typer.Option(help="rls, schema, database or instance; the tier's when left out.")] = None,
    cell: Annotated[str | None, typer.Option(help="The cell; the first one with room when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Write a new tenant's file, with a cell that has room. An existing file is never replaced.

    Example: tenantry new globex --tier business --name "Globex" --email hank@globex.example
    """
    from tenantry.declaration.files import display
    from tenantry.declaration.generator import NewTenant
    from tenantry.operations import new_tenant

    path = new_tenant.write(tenants_dir(), NewTenant(slug, tier, name, email, isolation, cell), console.say)
    if as_json:
        console.print_json({"slug": slug, "file": str(path)})
    else:
        console.line(f"{display(path)} written; look it over, then `tenantry provision {slug}`")


def render(
    slug: MaybeSlug = None,
    diff: Annotated[str | None, typer.Option(metavar="REF", help="Show what this branch changes since it left REF; or A...B.")] = None,
    as_json: Json = False,
) -> None:
    """Show the effective declaration: a tenant's file with its tier's defaults, or what differs from another commit.

    Example: tenantry render acme --diff main
    """
    from tenantry.operations import declarations

    if diff is None:
        shown = {tenant.slug: _effective(tenant) for tenant in declarations.effective(slug)}
        _print_data(shown if slug is None else shown[slug], as_json)
        return
    changed = declarations.changes(diff, slug)
    if as_json:
        console.print_json(changed)
    else:
        _print_changes(changed, diff)


def list_tenants(as_json: Json = False) -> None:
    """List the declared tenants.

    Example: tenantry list --json
    """
    from tenantry.operations import declarations

    rows = [asdict(tenant) for tenant in declarations.listed()]
    if as_json:
        console.print_json(rows)
        return
    columns = ("slug", "name", "tier", "isolation", "stack", "state")
    console.print_table((*columns, "hosts"), [(*(row[key] for key in columns), ", ".join(row["hosts"])) for row in rows])


def _effective(tenant: TenantDeclaration) -> dict[str, Any]:
    return {"slug": tenant.slug, "id": str(tenant.id), "stack": tenant.stack, **tenant.model_dump(mode="json")}


def _print_changes(changes: Sequence[TenantChange], revision: str) -> None:
    for change in changes:
        console.line(f"{change.slug}: {change.what}" + (f"; cannot be compared: {change.unreadable}" if change.unreadable else ""))
        for entry in change.changes:
            console.line(f"  {entry.key}: {json.dumps(entry.before, ensure_ascii=False)} → {json.dumps(entry.after, ensure_ascii=False)}")
    if not changes:
        console.line(f"no effective declaration differs from {revision}")


def _print_data(data: Any, as_json: bool) -> None:
    if as_json:
        console.print_json(data)
        return
    import yaml

    console.document(yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=120))
