"""Every physical name of a tenant and of a cell: pure functions, the only place where such a name is made.

A legal slug is 3 to 40 characters ``[a-z][a-z0-9-]*[a-z0-9]`` without ``--``; a legal cell is 1 to 20 of the same kind.
In PostgreSQL ``-`` becomes ``_``, so ``__`` never comes from a slug and separates what is appended. For legal input no
two slugs, cells or kinds share a name, and every name fits its system: 63 bytes in PostgreSQL, 63 per DNS label, S3's
and RDS's rules. The functions expect legal input; ``require_slug`` and ``require_cell`` refuse the rest.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final
from uuid import UUID, uuid5

from tenantry.errors import InputError

CONTROL_DATABASE: Final = "tenantry"
CONTROL_SCHEMA: Final = "control"
CONTROL_OWNER: Final = "tenantry__owner"
CONTROL_APP: Final = "tenantry__app"
CONTROL_DIRECTORY: Final = "tenantry__directory"
"""The login that looks tenants up for applications, and does nothing else."""
CONTROL_PORTAL: Final = "tenantry__portal"
"""What a tenant's own people may do through the service. Nobody logs in as it."""
TEMPLATE_DATABASE: Final = "tenantry_template"
TEMPLATE_OWNER: Final = "tenantry_template__owner"
SHARED_SCHEMA: Final = "shared"
TENANT_SCHEMA: Final = "tenant"
TOOL_LOGIN: Final = "tenantry__tool_"
"""How the logins of an application's own migration tool begin."""
EXTENSIONS_SCHEMA: Final = "extensions"
"""Where PostgreSQL's extensions are, in every database that has tenants' tables."""
MAIN_CELL: Final = "main"
SHARED_STACK: Final = "shared"
POOLED: Final = frozenset({"rls", "schema"})

# Frozen: a change would give every tenant a new id.
NAMESPACE: Final = UUID("f2c1f425-9c70-5ac4-95da-0beb5a24d494")

SLUG: Final = re.compile(r"(?!.*--)[a-z][a-z0-9-]{1,38}[a-z0-9]", re.ASCII)
CELL: Final = re.compile(r"(?!.*--)[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?", re.ASCII)
# 20 characters: `<prefix>-t-<slug>` has to stay within RDS's 63.
PREFIX: Final = re.compile(r"(?!.*--)[a-z][a-z0-9-]{1,18}[a-z0-9]", re.ASCII)

SLUG_RULE: Final = "3 to 40 characters: a-z, 0-9 and single hyphens, beginning with a letter and not ending with a hyphen"
CELL_RULE: Final = "1 to 20 characters: a-z, 0-9 and single hyphens, beginning with a letter and not ending with a hyphen"
PREFIX_RULE: Final = "3 to 20 characters: a-z, 0-9 and single hyphens, beginning with a letter and not ending with a hyphen"

_RESERVED: Final = (
    "abuse account accounts admin administrator api app apps assets auth autoconfig autodiscover billing cdn console control "
    "dashboard default defaults dns docs edge email ftp help hostmaster imap internal localhost login logout mail main media "
    "metrics monitor mta-sts mx noreply no-reply ns1 ns2 ns3 ns4 oauth platform pop pop3 postgres postmaster proxy pulumi "
    "registry root security shared signin signup smtp sso static status support system tenant tenantry tenants webmail "
    "webmaster wpad www"
)
# `tenantry backup list` must not mean a tenant.
_COMMANDS: Final = "confirm create drill list prune renew-key rollback rotate show verify"
RESERVED_SLUGS: Final = frozenset((*_RESERVED.split(), *_COMMANDS.split()))
"""Host labels, commands and stack names that belong to the platform; ``shared-…`` is refused as well."""


def search_path(schema: str) -> tuple[str, ...]:
    """The schemas in which a store's names are looked up. `public` last: extensions of older platforms may be there, and since
    PostgreSQL 15 nobody but a database's owner can put anything into it."""
    return schema, EXTENSIONS_SCHEMA, "public"


def is_slug(text: str) -> bool:
    """Whether ``text`` has a slug's form (it may still be reserved, see ``is_reserved``)."""
    return SLUG.fullmatch(text) is not None


def is_cell(text: str) -> bool:
    """Whether ``text`` may name a cell. S3 keeps bucket names that end in ``-s3alias`` for itself."""
    return CELL.fullmatch(text) is not None and not f"-{text}".endswith("-s3alias")


def is_prefix(text: str) -> bool:
    """Whether ``text`` may begin bucket names and server identifiers: S3 keeps ``sthree-`` and ``amzn-s3-demo-`` for itself."""
    return PREFIX.fullmatch(text) is not None and not f"{text}-".startswith(("sthree-", "amzn-s3-demo-"))


def is_reserved(slug: str) -> bool:
    """Whether a slug belongs to the platform: a host name of ours, or a cell's stack."""
    return slug in RESERVED_SLUGS or slug == SHARED_STACK or slug.startswith(f"{SHARED_STACK}-")


def require_slug(text: str) -> str:
    """``text`` itself when it is a legal slug that a tenant may have; otherwise ``InputError``."""
    if not is_slug(text):
        raise InputError(f"{text!r} is not a tenant's slug", f"a slug is {SLUG_RULE}")
    if is_reserved(text):
        raise InputError(f"the slug {text!r} is reserved for the platform", "choose another slug")
    return text


def require_cell(text: str) -> str:
    """``text`` itself when it is a legal name of a cell; otherwise ``InputError``."""
    if not is_cell(text):
        raise InputError(f"{text!r} is not a cell's name", f"a cell is {CELL_RULE}")
    return text


def tenant_id(slug: str) -> UUID:
    """The tenant's id everywhere: version 5 of the slug in our namespace."""
    return uuid5(NAMESPACE, slug)


def cell_database(cell: str) -> str:
    """The database of a cell's pooled tenants."""
    return f"cell_{_sql(cell)}"


def cell_owner(cell: str) -> str:
    """The role (no login) that owns a cell's database and tables."""
    return f"{cell_database(cell)}__owner"


def cell_app(cell: str) -> str:
    """The login role of the application in a cell's row-level-secured tables."""
    return f"{cell_database(cell)}__app"


def tenant_schema(slug: str) -> str:
    """The schema of a ``schema`` tenant in its cell's database."""
    return f"t_{_sql(slug)}"


def tenant_database(slug: str) -> str:
    """The database of a ``database`` or ``instance`` tenant."""
    return f"t_{_sql(slug)}"


def tenant_owner(slug: str) -> str:
    """The role (no login) that owns a tenant's own database."""
    return f"t_{_sql(slug)}__owner"


def tenant_app(slug: str, turn: int = 0) -> str:
    """The login role of the application in a tenant's own schema or database. The two ends of a move differ in their ``turn`` (0, 1)."""
    return f"t_{_sql(slug)}__app{_turn(turn)}"


def second_login(role: str) -> str:
    """The login that takes turns with an application's login ``role`` when passwords are renewed; a member of it."""
    return f"{role}_b"


def tenant_resources(slug: str, turn: int = 0) -> str:
    """The logical name of a tenant's database component; both ends of a move may be in one stack."""
    return f"{slug}-db{_turn(turn)}"


def turnstile_schema(slug: str, turn: int) -> str:
    """The schema beside a tenant's tables that exists while they are one end of a move."""
    return f"m_{_sql(slug)}__{turn}"


def tool_login(database: str, schema: str) -> str:
    """The role that an application's own migration tool logs in with while it is at work in a store: the same for the same store, so that
    what a killed run left is found."""
    return f"{TOOL_LOGIN}{hashlib.sha256(f'{database}.{schema}'.encode()).hexdigest()[:16]}"


def server_identifier(prefix: str, slug: str) -> str:
    """The RDS identifier of an ``instance`` tenant's server."""
    return f"{prefix}-t-{slug}"


def bucket(prefix: str, cell: str) -> str:
    """The bucket of a cell."""
    return f"{prefix}-{cell}"


def backup_bucket(prefix: str) -> str:
    """The bucket of all tenants' backups. No cell's name begins with a hyphen, so it is never a cell's bucket."""
    return f"{prefix}--backups"


def assets_role(prefix: str, cell: str) -> str:
    """The IAM role that reaches one tenant's prefix in a cell's bucket."""
    return f"{bucket(prefix, cell)}-assets"


def context_key(prefix: str, cell: str) -> str:
    """The secret in AWS Secrets Manager with the key that signs row contexts for a cell's shared tables."""
    return f"{prefix}/tenantry/row-context/{cell}"


def login_secret(prefix: str, role: str) -> str:
    """The secret with which an application logs in as ``role``; as a parameter of AWS Systems Manager with a slash before it."""
    return f"{prefix}/tenantry/logins/{role}"


def sso_secret(prefix: str, slug: str) -> str:
    """The secret that we show the tenant's own provider of single sign-on."""
    return f"{prefix}/tenantry/sso/{slug}"


def object_prefix(slug: str) -> str:
    """Where a tenant's objects are in its cell's bucket; ends with a slash, so no prefix is the beginning of another."""
    return f"tenants/{slug}/"


def host(slug: str, domain: str) -> str:
    """A tenant's host name under the platform's domain."""
    return f"{slug}.{domain}"


def cell_stack(cell: str) -> str:
    """The stack of a cell and its pooled tenants."""
    return SHARED_STACK if cell == MAIN_CELL else f"{SHARED_STACK}-{cell}"


def cell_of_stack(stack: str) -> str | None:
    """The cell whose stack it is, or None: a dedicated tenant's stack."""
    if stack == SHARED_STACK:
        return MAIN_CELL
    return stack.removeprefix(f"{SHARED_STACK}-") if stack.startswith(f"{SHARED_STACK}-") else None


def stack_of(isolation: str, cell: str, slug: str) -> str:
    """The stack that holds a tenant: its cell's when pooled, its own otherwise."""
    return cell_stack(cell) if isolation in POOLED else slug


def kept(name: str) -> str:
    """Where the data that a restore replaced waits until it is confirmed; ``name`` is a tenant's schema or database."""
    return f"{name}__kept"


def staging(name: str) -> str:
    """Where restored data is built and checked before it takes the place of ``name``, a tenant's schema or database."""
    return f"{name}__restore"


def scratch_database(token: str) -> str:
    """A database that a proof makes and drops; ``token`` begins with the time, so that what a killed one left can be told by its age.

    That of a restore is named by the tenant's schema instead: the next attempt finds it.
    """
    return f"tenantry__scratch_{_sql(token).lower()}"


def _turn(turn: int) -> str:
    return "2" if turn else ""


def _sql(name: str) -> str:
    return name.replace("-", "_")
