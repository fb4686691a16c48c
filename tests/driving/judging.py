"""What must hold after every act, whatever was typed: compared with the declarations, never with the state."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from tenantry import naming
from tenantry.declaration import TenantDeclaration, branding
from tenantry.declaration.assets import published
from tenantry.declaration.placement import row
from tenantry.settings import PlatformSettings
from tests.driving.observing import Observed, Role


def not_as_declared(declaration: TenantDeclaration, seen: Observed, settings: PlatformSettings, tenants: Path) -> Iterator[str]:
    """In what the tenant is other than its file says."""
    slug = declaration.slug
    wanted_row, found_row = row(declaration, settings), dict(seen.rows.get(slug, {}))
    yield from _differences(f"registry row of {slug}", dict(wanted_row), found_row)
    yield from _differences(
        f"host names of {slug} in the registry", {naming.host(slug, settings.domain), *declaration.domains}, set(seen.hosts.get(slug, ()))
    )
    yield from _differences(f"configuration of {slug}", declaration.configuration(), dict(seen.configuration.get(slug, {})))
    yield from _differences(f"objects of {slug}", objects(declaration, tenants), _below(seen, slug))
    for host in declaration.domains:
        yield from _differences(f"{slug}: how often {host} is at Cloudflare", 1, seen.hostnames[host])
    if not declaration.pooled:
        name = naming.host(slug, settings.domain)
        yield from _differences(f"DNS record {name}", ("CNAME", settings.endpoint), seen.records.get(name))
        yield from _differences(f"database of {slug}", True, wanted_row["database"] in seen.databases)
        yield from _differences(f"owner of {slug}'s database", True, naming.tenant_owner(slug) in seen.roles)
    if declaration.isolation != "rls":
        wanted = Role(declaration.state == "active", declaration.limits.connections)
        yield from _differences(f"role {wanted_row['app_role']}", wanted, seen.roles.get(wanted_row["app_role"]))
    # Every tenant has the same tables.
    yield from _differences(
        f"tables of {slug}",
        seen.tables.get((naming.cell_database("main"), naming.SHARED_SCHEMA)) or {"the cell's"},
        seen.tables.get((wanted_row["database"], wanted_row["schema"])),
    )


def left(
    declared: Mapping[str, TenantDeclaration], seen: Observed, applied: Collection[str], owners: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Custom host names that are in no file any more, though all who had them (``owners``, by host name) are called applied."""
    wanted = {host for it in declared.values() for host in it.domains}
    for host, had in owners.items():
        if host not in wanted and seen.hostnames[host] and all(slug in applied or slug not in declared for slug in had):
            yield f"{host} is at Cloudflare, and in no file any more: it was {', '.join(sorted(had))}'s"


def objects(declaration: TenantDeclaration, tenants: Path) -> dict[str, str]:
    """Key → MD5 of what the declaration publishes."""
    prefix = naming.object_prefix(declaration.slug)
    contents = {
        f"{prefix}{branding.FOLDER}manifest.json": branding.manifest(declaration, prefix).encode(),
        f"{prefix}{branding.FOLDER}theme.css": branding.stylesheet(declaration).encode(),
        **{branding.asset_key(prefix, kind, path): published(tenants, path) for kind, path in branding.assets(declaration).items()},
    }
    return {key: hashlib.md5(content, usedforsecurity=False).hexdigest() for key, content in contents.items()}


def _below(seen: Observed, slug: str) -> dict[str, str]:
    return {key: md5 for key, md5 in seen.objects.items() if key.startswith(naming.object_prefix(slug))}


def _differences(what: str, wanted: object, found: object) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted({*wanted, *found}):
            if wanted.get(key) != found.get(key):
                yield f"{what}: {key} is {found.get(key)!r}, declared {wanted.get(key)!r}"
    elif wanted != found:
        yield f"{what}: {found!r}, declared {wanted!r}"


def lost(
    before: Observed, now: Observed, declared: Mapping[str, TenantDeclaration], takes: Collection[str], deleted: Collection[str]
) -> Iterator[str]:
    """What is gone since ``before`` that no file and no command asked to remove.

    ``takes``: stacks that a command was told to destroy, which leaves what is data, and logical names of resources that are to be replaced.
    ``deleted``: tenants that were removed by the proper way.
    """
    for slug, was in before.rows.items():
        if slug in deleted:
            continue
        if slug in before.marked and slug not in now.marked:
            yield f"the rows of {slug} are gone"
        if (was["database"], was["schema"]) in before.tables and (was["database"], was["schema"]) not in now.tables:
            yield f"the schema {was['database']}.{was['schema']} of {slug} is gone"
        if was["stack"] in takes:
            continue
        if slug not in now.rows:
            yield f"the registry's row of {slug} is gone"
        if was["app_role"] in before.roles and was["app_role"] not in now.roles:
            yield f"the role {was['app_role']} of {slug} is gone"
        declaration = declared.get(slug)
        if declaration is None:
            continue
        for host in (host for host in declaration.domains if host in before.hosts.get(slug, ())):
            if before.hostnames[host] and not now.hostnames[host] and f"{slug}-domain-{host}" not in takes:
                yield f"{slug}'s host name {host} is gone at Cloudflare"
            if host not in now.hosts.get(slug, ()) and f"{slug}-record" not in takes:
                yield f"{slug}'s host name {host} is gone in the registry"
        prefix = naming.object_prefix(slug) + branding.FOLDER
        kinds = {f"{prefix}manifest.json": "manifest", f"{prefix}theme.css": "theme"}
        kinds |= {branding.asset_key(prefix.removesuffix(branding.FOLDER), kind, path): kind
                  for kind, path in branding.assets(declaration).items()}  # fmt: skip
        for key, kind in kinds.items():
            if key in before.objects and key not in now.objects and f"{slug}-storage-{kind}" not in takes:
                yield f"{slug}'s object {key} is gone"
    for database in before.databases - now.databases:
        if not any(before.rows[slug]["database"] == database for slug in deleted if slug in before.rows):
            yield f"the database {database} is gone"


def shut_out(seen: Observed, takes: Collection[str]) -> Iterator[str]:
    """Log-ins that are handed out and do not work."""
    for log_in in sorted(seen.log_ins):
        if not log_in.works and log_in.stack not in takes:
            yield f"{log_in.role} does not get in with the password that the stack {log_in.stack} hands out"


def remains(slug: str, seen: Observed) -> Iterator[str]:
    """What there is of a tenant that was deleted."""
    names = {naming.tenant_schema(slug), naming.tenant_app(slug), naming.tenant_owner(slug)}
    found = [*(names & {*seen.roles, *seen.databases}), *(schema for _, schema in seen.tables if schema in names)]
    found += [f"the registry's row {slug}"] if slug in seen.rows else []
    found += [*_below(seen, slug)]
    for what in found:
        yield f"{what} is there, and {slug} was deleted"
